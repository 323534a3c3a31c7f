package port

import (
	"context"
	"errors"
	"iter"

	"github.com/revocast/revocast"
)

// Bus is the broadcast: it carries events to every worker, keeps them in a second
// log, and carries acknowledgements back. Package events implements it on NATS.
//
// What an implementor owes:
//
//   - Safe for concurrent use. Delivery on Tail and Acks is at most once, in any order, and may
//     include events that the stream refused; the protocol above needs no more. Replay delivers
//     everything that the stream holds.
//   - Anything that may have lost a message (disconnect, slow consumer, undecodable
//     message) is told to [TailHandler.Suspect], late rather than never.
//   - Callbacks run on the bus's own goroutines, one at a time for each Tail, and
//     none runs after Tail, Replay or Acks has returned.
type Bus interface {
	WorkerBus
	PublisherBus
}

// WorkerBus is what a worker needs of the bus.
type WorkerBus interface {
	// Realm is the name of the one realm whose events it carries.
	Realm() string

	// Tail delivers live events until ctx ends. It calls h.Ready once the subscription is in force
	// at the server, and again after each reconnect. Nothing that the server says ends it: a
	// subscription that is refused or lost is asked for again, and h.Lost is called meanwhile. It
	// returns an error only for what the caller alone can mend; callers try again.
	Tail(ctx context.Context, h TailHandler) error

	// Acknowledge tells the publishers, at most once, what a member has applied.
	Acknowledge(a Ack) error

	// LoadSnapshot hands the latest snapshot to on and returns the position it stands
	// for; [revocast.ErrNotFound] if there is none, or none that is whole. on may have been called
	// before that turns out, and is called with a newer snapshot's states where that took the place of
	// the one being read.
	LoadSnapshot(ctx context.Context, on func(KeyedState) error) (revocast.Position, error)
}

// PublisherBus is what a publisher needs of the bus.
type PublisherBus interface {
	// Publish hands e, which has its position, to the stream and returns without
	// waiting for it. done is called exactly once, from any goroutine: nil when the
	// stream has acknowledged e, now or (as a duplicate) before.
	Publish(e revocast.Event, done func(error))

	// Refill is Publish for an event that the stream may have had before: the event is stored even
	// if the stream would take it for a duplicate.
	Refill(e revocast.Event, done func(error))

	// Acks delivers the members' acknowledgements until ctx ends.
	Acks(ctx context.Context, on func(Ack)) error

	// SaveSnapshot keeps the live states, packed, as of a position. It replaces the snapshot
	// before. It reads the states until the sequence ends; if the sequence yields an error,
	// SaveSnapshot fails with that error. A snapshot is there whole or not at all.
	SaveSnapshot(ctx context.Context, at revocast.Position, states iter.Seq2[KeyedState, error]) error

	// Replay delivers every event in the stream after a point (the zero point: all), in stream
	// order, up to the end as it was when Replay was called. An error from on stops it. Messages
	// that cannot be read are counted and skipped. Messages that are missing in the middle are
	// counted too. [revocast.ErrStreamLost]: the point is of another stream, lies beyond the end,
	// or another message is there. A point's zero Event and Stored match any message. A point that
	// the stream dropped at its beginning is no error: then all that is left is delivered, see
	// [Replayed.First].
	Replay(ctx context.Context, after StreamPoint, on func(revocast.Event) error) (Replayed, error)

	// Stream describes the stream as its leader has it. [revocast.ErrNotFound]: there is none.
	Stream(ctx context.Context) (StreamInfo, error)

	// Epoch returns the realm's latest epoch record that can be read, [revocast.ErrNotFound] if
	// there is none. [revocast.ErrUnsuited]: what is there is no record; if it may be replaced, it
	// comes with its sequence.
	Epoch(ctx context.Context) (EpochRecord, error)

	// ClaimEpoch writes next if the latest record still is the one at the stream
	// sequence after (0: there is none), and returns it with its sequence;
	// [revocast.ErrConflict] if somebody else was faster.
	ClaimEpoch(ctx context.Context, after uint64, next EpochRecord) (EpochRecord, error)

	// Prepare makes the stream if it is not there and checks that it is configured as
	// the protocol needs it; [revocast.ErrUnsuited] says what to change.
	Prepare(ctx context.Context, o StreamOptions) error

	// Mend compares the streams, as they are configured now, with what Prepare asks for, and
	// changes back every edit that can be changed back without losing anything. It makes no stream:
	// [revocast.ErrNotFound] if the stream of events or of the record is missing.
	// [revocast.ErrUnsuited] says what cannot be changed back, and what to do about it; the rest
	// has been mended all the same.
	Mend(ctx context.Context, o StreamOptions) (Mended, error)
}

// Mended is what [Bus.Mend] has done.
type Mended struct {
	Changed []string // one text for each thing that was changed back, with its stream
	// Snapshots is why no snapshot can be kept, nil if one can. Nothing is lost by it.
	Snapshots error
}

// ErrUndecodable is among the causes of a suspicion where a message could not be read, so that it
// may have been an event, or anything else that somebody sent.
var ErrUndecodable = errors.New("message is not decodable")

// TailHandler receives the live tail.
type TailHandler struct {
	Event   func(revocast.Event)
	Ready   func()      // the subscription is in force from here on
	Suspect func(error) // messages may have been lost
	// Lost says that nothing is heard until Ready is called again, and why. It may be
	// called again meanwhile, with a later reason. Nil: not told.
	Lost func(error)
}

// Ack says that a member has applied everything up to a position.
type Ack struct {
	Member  MemberID
	Applied revocast.Position
}

// EpochRecord is the entry in JetStream that makes an epoch. The server for which it is written, by
// compare-and-set, carries on the realm's history.
type EpochRecord struct {
	Epoch  uint64
	Server string // identity of the ledger's server, [Description.Server]
	Terms  Terms  // so that an emptied ledger gets its terms back
	Stream int64  // [StreamInfo.Created] of the stream that holds the history so far; 0: not known
	// After is the server under which the ledger that claimed the epoch was open before.
	After string
	// Takeover: the server of the record before may be alive, and is given time to notice.
	Takeover bool
	// Base is the sequence in Stream after which the stream holds everything. Messages gone from
	// before it are not missed.
	Base uint64
	// Kept are messages of Stream, oldest first, that it must have for as long as it keeps an
	// event. They are all that a ledger which has lost everything has to find out that the stream
	// was cut. The zero witness is none.
	Kept     [RecordWitnesses]StreamWitness
	Sequence uint64 // in the stream; set by the bus
	// Buried is how many messages that are no records stand after this one; set by the bus. Enough
	// of them push it out of the stream, so a publisher that sees this writes it again.
	Buried uint64
}

// RecordWitnesses is how many messages of the stream an epoch record names.
const RecordWitnesses = 32

// StreamWitness is a message of the stream and when the stream stored it, by its own
// clock, Unix milliseconds.
type StreamWitness struct {
	Sequence uint64
	Stored   int64
}

// StreamPoint is one message of the stream, so that a stream which lost it can be told
// from one that has it still: after a loss another message may stand at its sequence.
type StreamPoint struct {
	Created  int64             // [StreamInfo.Created] of the stream it is in
	Sequence uint64            // in the stream; 0: before the first message
	Event    revocast.Position // of the event there; zero where none could be read
	Stored   int64             // when the stream stored it, by the stream's clock, Unix milliseconds
}

// StreamInfo is the stream as it stands.
type StreamInfo struct {
	Created     int64  // when it was made, Unix nanoseconds: a stream that was made again has another
	First, Last uint64 // sequences; an empty stream has First = Last + 1
	Missing     uint64 // messages that are gone from the middle
	Full        bool   // it has reached a limit and refuses events
}

// Replayed is what a replay went through.
type Replayed struct {
	Events      int         // handed out
	Undecodable int         // skipped: not readable, so the events handed out may be incomplete
	Foreign     int         // skipped: of another realm
	Missing     uint64      // messages after the point that are gone from the middle of the stream
	First       uint64      // sequence of the stream's first message at the time
	Begin       StreamPoint // the first message after the point; zero if there was none
	End         StreamPoint // the last message; the point that the replay began after if there was none
}

// StreamOptions are what the stream depends on.
type StreamOptions struct {
	MaxAge   int64 // milliseconds that an event is kept: the longest lifetime plus margins
	Replicas int   // 0: 1
}
