package port

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// Opening is how a ledger is opened. See [RecoveryLedger.Open].
type Opening struct {
	Epoch  uint64
	Record EpochRecord
	Begin  StreamPoint // the first message that was replayed; zero: unknown
	Stream StreamPoint // end of what was replayed
	// Settled: no worker can hold a lease of an earlier epoch.
	Settled bool
}

// Renewal is a worker's periodic report. See [WorkerLedger.Renew].
type Renewal struct {
	Member  MemberID
	Applied revocast.Position
	Limit   int
	Version string // the worker's software version, for the operator
	Wall    int64  // the worker's wall clock when it asked, Unix milliseconds; zero: not told
	// Reach is kept for the operator until the member goes or says another; nil: what the
	// ledger holds of it stands. See [Renewed.Told].
	Reach *Reach
}

// Renewed is the answer to a [Renewal].
type Renewed struct {
	Position revocast.Position // the ledger's position when the step ran
	Events   []revocast.Event  // the log after Applied; fewer than Limit: complete up to Position
	More     bool              // the log goes on after Events
	Told     bool              // the ledger holds the member's reach; otherwise it lost it with the member
	Terms    Terms
	Now      int64 // the ledger's clock, Unix milliseconds; it decides what may be forgotten
}

// Whole fails with [revocast.ErrTrimmed] if the log lacks entries between applied and the position.
// A log's revisions run without holes, so a missing entry shows.
func (r *Renewed) Whole(applied revocast.Position) error {
	last, err := Follow(applied, r.Events)
	if err == nil && !r.More && last.Before(r.Position) && r.Position.Rev != 0 {
		err = fmt.Errorf("%w: it ends at %s, the ledger is at %s", revocast.ErrTrimmed, last, r.Position)
	}
	return err
}

// Follow returns the position of the last entry of a log that was read after a position, and
// fails with [revocast.ErrTrimmed] if entries are missing between them.
func Follow(after revocast.Position, entries []revocast.Event) (revocast.Position, error) {
	for _, e := range entries {
		next := revocast.Position{Epoch: after.Epoch, Rev: after.Rev + 1}
		if e.Position.Epoch > after.Epoch {
			next = revocast.Position{Epoch: e.Position.Epoch, Rev: 1}
		}
		if e.Position != next {
			return after, fmt.Errorf("%w: %s follows on %s", revocast.ErrTrimmed, e.Position, after)
		}
		after = next
	}
	return after, nil
}

// Checked is the answer to [WorkerLedger.Check]; States is parallel to the keys.
type Checked struct {
	Position revocast.Position
	States   []revocast.State
	Terms    Terms
	Now      int64 // the ledger's clock, Unix milliseconds
}

// KeyedState is a state with what it stands against. The scope is kept because a
// key does not tell it.
type KeyedState struct {
	Key   revocast.Key
	Names uint8 // how many of the realm's name secrets Key and State.Except are made with
	Scope revocast.Scope
	State revocast.State
	// Sealed is the name that the key was made of, see [revocast.Event.Sealed], as far as the ledger
	// knows it. Workers are not told.
	Sealed  string
	Changed int64 // when it last changed, by the ledger's clock, Unix milliseconds
	// Born is the state's number among all that were ever made, see [Description.Born]. Zero: it
	// was not counted, because it comes from a snapshot or an earlier version made it.
	Born uint64
}

// StatePage is the answer to [WorkerLedger.Snapshot].
type StatePage struct {
	States []KeyedState
	Next   string // the cursor of the next page; empty after the last
}

// Events returns the fewest events that add up to the state, so that a snapshot is applied in the
// same way as a log.
func (k KeyedState) Events() []revocast.Event {
	base := revocast.Event{
		Position: k.State.At, Scope: k.Scope, Key: k.Key, Names: k.Names, Sealed: k.Sealed, At: k.Changed,
		Until: k.State.Until,
	}
	var events []revocast.Event
	if k.State.CutOff != 0 {
		e := base
		e.Kind, e.CutOff, e.Except = revocast.KindRevoked, k.State.CutOff, k.State.Except
		events = append(events, e)
		if !k.State.Except.IsZero() && k.State.Floor != 0 {
			e.CutOff, e.Except = k.State.Floor, revocast.Key{}
			events = append(events, e)
		}
	}
	if ban := k.State.Ban; !ban.At.IsZero() {
		e := base
		e.Kind, e.Position = revocast.KindLifted, ban.At
		if ban.Until != 0 {
			e.Kind, e.From, e.Until = revocast.KindBanned, ban.From, ban.Until
		}
		events = append(events, e)
	}
	return events
}

// Rekeyed is a state that gets another key. Except is its exception, if it has one, under the new names.
type Rekeyed struct {
	From, To, Except revocast.Key
}

// MemberID names one incarnation of one worker. Two processes never share one, so
// an acknowledgement of the new incarnation says nothing about a zombie of the old.
type MemberID struct {
	Class       string // of workers that share their rights at both stores: [A-Za-z0-9_-]{1,64}
	Worker      string // chosen by the operator: [A-Za-z0-9_.-]{1,64}
	Incarnation string // random, made at start
}

// CheckClass fails with [revocast.ErrInvalid] on a name that no class can have.
func CheckClass(class string) error {
	valid := class != "" && len(class) <= 64
	for _, c := range []byte(class) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		valid = valid && (letter || c >= '0' && c <= '9' || c == '_' || c == '-')
	}
	if !valid {
		return fmt.Errorf("%w: class %.80q: want 1 to 64 of A-Z a-z 0-9 _ -", revocast.ErrInvalid, class)
	}
	return nil
}

// DefaultClass is the class of workers whose operator names none.
const DefaultClass = "default"

// String returns "class/worker/incarnation".
func (m MemberID) String() string { return m.Class + "/" + m.Worker + "/" + m.Incarnation }

// Member is a worker incarnation that may hold a lease.
type Member struct {
	ID       MemberID
	Applied  revocast.Position
	Renewals uint64 // counts up with each renewal; stands still when the member is gone
	Version  string
	Seen     int64 // the ledger's clock at the latest renewal; for display only
	// Ahead is how far the worker's wall clock was ahead of the ledger's at the latest renewal, in
	// milliseconds, less the time that the renewal took to arrive. Told: the worker told it.
	Ahead int64
	Told  bool
	Reach *Reach // what it accepts; nil: it has not said, or it cannot be read. Read only
	// Still is how long the counter has stood still, as seen by the publisher that strikes the
	// member off, by its own clock.
	Still time.Duration
}

// Membership is the set of members at one instant. Generation changes whenever a member joins or
// goes. It has a part for each class, which a hostile worker of the class may change, and no other.
type Membership struct {
	Generation string
	Members    []Member
	// Unlisted are classes of which it is not known who all their members are: somebody with the
	// rights of the class has deleted or overwritten the list, or made it too long.
	Unlisted []string
	Position revocast.Position
	Now      int64 // the ledger's clock, Unix milliseconds
}

// Commit is the answer to [PublisherLedger.Commit]. Entries is parallel to the proposals.
type Commit struct {
	Epoch      uint64
	Entries    []CommitEntry
	Generation string // of the membership when it was committed
	Settled    bool
	Repeated   bool // the answer of an earlier run under the same idempotency key
	Terms      Terms
}

// CommitEntry is what became of one proposal.
type CommitEntry struct {
	Event revocast.Event // complete: with position, time, cut-off and until
	Fresh bool           // a new log entry was made, which has to be published
}

// Verified is the answer to [PublisherLedger.Verify].
type Verified struct {
	Settled bool
}
