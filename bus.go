package revocast

import "context"

// Bus is the broadcast: it carries events to every worker, keeps them in a second
// log, and carries acknowledgements back. Package events implements it on NATS.
//
// What an implementor owes:
//
//   - Safe for concurrent use. Delivery on Tail and Acks is at most once, in any
//     order, and may include what the stream refused; the protocol above needs no
//     more. Replay delivers everything that the stream holds.
//   - Anything that may have lost a message (disconnect, slow consumer, undecodable
//     message) is told to [TailHandler.Suspect], late rather than never.
//   - Callbacks run on the bus's own goroutines, one at a time for each Tail, and
//     none runs after Tail, Replay or Acks has returned.
type Bus interface {
	// Publish hands e, which has its position, to the stream and returns without
	// waiting for it. done is called exactly once, from any goroutine: nil when the
	// stream has acknowledged e, now or (as a duplicate) before.
	Publish(e Event, done func(error))

	// Tail delivers live events until ctx ends. It calls h.Ready once the
	// subscription is in force at the server, and again after each reconnect.
	Tail(ctx context.Context, h TailHandler) error

	// Replay delivers every event in the stream, in stream order, up to the end as it
	// was when Replay was called, and returns how many. An error from on stops it.
	Replay(ctx context.Context, on func(Event) error) (int, error)

	// Acknowledge tells the publishers, at most once, what a member has applied.
	Acknowledge(a Ack) error

	// Acks delivers the members' acknowledgements until ctx ends.
	Acks(ctx context.Context, on func(Ack)) error

	// Epoch returns the realm's latest epoch record, [ErrNotFound] if there is none.
	Epoch(ctx context.Context) (EpochRecord, error)

	// ClaimEpoch writes next if the latest record still is the one at the stream
	// sequence after (0: there is none), and returns it with its sequence;
	// [ErrConflict] if somebody else was faster.
	ClaimEpoch(ctx context.Context, after uint64, next EpochRecord) (EpochRecord, error)

	// Prepare makes the stream if it is not there and checks that it is configured as
	// the protocol needs it; [ErrUnsuited] says what to change.
	Prepare(ctx context.Context, o StreamOptions) error
}

// TailHandler receives the live tail.
type TailHandler struct {
	Event   func(Event)
	Ready   func()      // the subscription is in force from here on
	Suspect func(error) // messages may have been lost
}

// Ack says that a member has applied everything up to a position.
type Ack struct {
	Member  MemberID
	Applied Position
}

// EpochRecord is the entry in JetStream that makes an epoch: who writes it, by
// compare-and-set, carries on the realm's history.
type EpochRecord struct {
	Epoch    uint64
	Server   string // identity of the ledger's server, [Description.Server]
	Terms    Terms  // so that an emptied ledger gets its terms back
	Sequence uint64 // in the stream; set by the bus
}

// StreamOptions are what the stream depends on.
type StreamOptions struct {
	MaxAge   int64 // milliseconds that an event is kept: the longest lifetime plus margins
	Replicas int   // 0: 1
}
