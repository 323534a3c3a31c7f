package port

import (
	"time"

	"github.com/revocast/revocast"
)

// LedgerState is the ledger's own state.
type LedgerState uint8

// The states of a ledger.
const (
	LedgerUninitialised LedgerState = iota
	LedgerOpen
	LedgerRecovering
	LedgerFenced
)

// String returns the state's name in lower case.
func (s LedgerState) String() string {
	names := [...]string{"uninitialised", "open", "recovering", "fenced"}
	if int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Description is the ledger as it stands.
type Description struct {
	State    LedgerState
	Position revocast.Position // epoch, and the latest revision in it
	Durable  revocast.Position // JetStream has everything up to here
	Trimmed  revocast.Position // the log starts after this
	Settled  bool              // see [PublisherLedger.Settle]
	// Settling counts how often the ledger has become unsettled within its epoch, and
	// SettleFor is how long that lasts at least; zero: as long as the terms say.
	Settling  uint64
	SettleFor time.Duration
	Terms     Terms
	Server    string // identity of the server process (Redis: replication id)
	// Claims are the server identities under which this ledger has been recovering
	// since it was last open, latest last.
	Claims []string
	Record uint64 // stream sequence of the epoch's record in JetStream
	// Opened is the epoch and OpenedBy the server that the ledger was last opened under.
	Opened   uint64
	OpenedBy string
	Mark     StreamMark  // up to where the stream was last seen to be whole; zero: never
	Marked   int64       // when, by the ledger's clock, Unix milliseconds
	Witness  StreamPoint // the oldest point of the mark's stream that it must still have; zero: none
	Rekey    bool        // there may be states under old keys, see [RecoveryLedger.MoveNames]
	Classes  []string    // of workers that were let in, see [PublisherLedger.Admit]
	Now      int64       // the ledger's clock, Unix milliseconds
	// Lead is the largest lead of any issuer that is registered, in milliseconds, zero where
	// none is ahead; see [Sighting]. Turn is the number of the book's present turn.
	Lead int64
	Turn uint64
	// Born is how many states were ever made, and Gone how many of them were taken out, counted
	// from the same start. Born less Gone must be there. A count of fewer shows that some vanished.
	Born, Gone uint64
}

// Sighting is a token that a worker is about to accept. Issuers have clocks of their own. A cut-off
// is compared with what an issuer wrote, so it has to be written in that issuer's time: the
// ledger's time plus the issuer's lead.
//
// The invariant: no worker has ever accepted a token of an issuer whose issue time was later than
// the ledger's time at that moment plus the lead that was registered for the issuer by then, nor
// later than that less the skew of the terms. A commit reads the registered lead in the step that
// writes the cut-off. So every token that a worker accepted before a commit is at or below the
// commit's cut-off, whichever clock is wrong.
//
// A worker may use a registered lead for five minutes after it asked. The book is turned every ten
// minutes at most, and a lead that is two turns old is forgotten. So a lead is still known for σ
// and longer after its last use, and by then the ledger's time alone has passed every token that
// was accepted because of it.
type Sighting struct {
	Issuer revocast.Key // [revocast.IssuerKey]
	Names  uint8        // how many of the realm's name secrets Issuer is made with
	Issued int64        // when the token says that it was issued, Unix milliseconds; zero: no token
	// Known registers a lead, in milliseconds, that this worker had registered before, as
	// a ledger that lost data may not know it; zero: none.
	Known int64
}

// Sighted is the answer to a [Sighting].
type Sighted struct {
	Now    int64 // the ledger's clock, Unix milliseconds
	Lead   int64 // of the issuer as it is registered now, in milliseconds, negative where it is behind
	Beyond bool  // the token is ahead of Now by more than the skew: nothing was registered
	// Sure: several tokens confirm the lead, so it is not merely that one token was old. Last is
	// the issue time of the latest token that counted for that.
	Sure bool
	Last int64
}

// StreamMark says that the stream, up to Point, holds everything that was committed up to Complete:
// the events themselves, or later ones that add up to the same state. Every event after Complete in
// the epoch comes after From in the stream. From lies before Point where events are out of order.
type StreamMark struct {
	Point    StreamPoint
	From     uint64
	Complete revocast.Position
	// Begin is the first message that the mark rests on, if the publisher that sets the mark has
	// just read it; zero: unknown. Where there is no witness, Begin becomes the first: otherwise
	// messages before the mark's point could be dropped unnoticed until there is one.
	Begin StreamPoint
	// Afresh: the stream was refilled, and messages before Point are not missed any more; the
	// witnesses are forgotten.
	Afresh bool
	// Missing is how many messages were gone from the middle of the stream, see
	// [StreamInfo.Missing]. Opening a ledger keeps what the previous mark said of that stream.
	Missing uint64
}

// Err is the sentinel for a state in which the ledger does not serve.
func (s LedgerState) Err() error {
	switch s {
	case LedgerOpen:
		return nil
	case LedgerRecovering:
		return revocast.ErrRecovering
	case LedgerFenced:
		return revocast.ErrFenced
	}
	return revocast.ErrUninitialised
}
