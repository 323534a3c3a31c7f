package revocast

import (
	"context"
	"fmt"
	"time"
)

// Ledger is the durable side: live revocations, log, outbox and members, one
// history per realm. Package store implements it on Redis.
//
// What an implementor owes:
//
//   - Every method is one atomic step on the primary, safe for concurrent use, and
//     honours ctx's deadline. Retries inside are allowed only where running the step
//     twice is the same as running it once.
//   - Before anything else each step establishes that this server still carries the
//     epoch it recorded (Redis: the replication id). If not, it counts the epoch up,
//     goes RECOVERING in the same step and fails with [ErrRecovering]. A ledger without
//     an epoch fails with [ErrUninitialised], a fenced one with [ErrFenced]. Only
//     Describe, Log, Begin, Restore, Open, Reopen and Fence work on a ledger that is not open.
//   - A method that returns nil has taken effect durably, as far as the server's
//     configuration makes it so. A method that returns [ErrOutcomeUnknown] may have.
//     Any other error means it has not.
//   - A server that cannot be reached is [ErrUnavailable], never "nothing there".
type Ledger interface {
	WorkerLedger
	PublisherLedger
	RecoveryLedger
}

// WorkerLedger is what a worker needs of the ledger.
type WorkerLedger interface {
	// Realm is the name of the one realm whose ledger it is. Keys are made with it, so a
	// revocation of one realm means nothing in another.
	Realm() string

	// Describe reports the ledger as it stands, whatever its state; it registers nobody.
	Describe(ctx context.Context) (Description, error)

	// Renew records that the member has applied everything up to Applied, registers
	// it if it is new, and returns the position and the log entries after Applied,
	// oldest first, at most Limit. [ErrTrimmed]: the log does not reach back that far,
	// and the member is not registered. [ErrEpoch]: Applied is of a later epoch than
	// the ledger, so the ledger is stale; nothing was recorded.
	Renew(ctx context.Context, r Renewal) (Renewed, error)

	// Check returns the merged state of each key (zero where nothing stands), all
	// read at the one position that it returns too.
	Check(ctx context.Context, keys []Key) (Checked, error)

	// Sight registers by how much a token's issue time is ahead of the ledger's clock, so
	// that a cut-off can be written in its issuer's own time. A worker calls it before it
	// accepts a token whose issuer's clock is not registered to be as far ahead; see
	// [Sighting].
	Sight(ctx context.Context, s Sighting) (Sighted, error)

	// Snapshot returns the states a page at a time: begin with cursor "" and go on
	// with the one returned until that is "". A state that stands all the while comes
	// at least once; one that changes meanwhile may come as it was before or after, so
	// read the position first and apply the log from there on afterwards.
	Snapshot(ctx context.Context, cursor string) (page []KeyedState, next string, err error)

	// Leave removes a member that has given up its lease. Unknown members are fine.
	Leave(ctx context.Context, m MemberID) error
}

// PublisherLedger is what a publisher needs of the ledger besides.
type PublisherLedger interface {
	// Commit merges the proposals into the ledger and appends them to the log, all or
	// none, under an idempotency key: the same key with the same proposals returns the
	// first answer again, with others it fails with [ErrConflict]. A proposal that
	// changes nothing (already covered) gets the position of what covers it and no log
	// entry. Proposals the ledger's clock refuses (cut-off in the future, until in the
	// past) fail with [ErrInvalid]. A key that begins with [EphemeralKey] need not be
	// remembered for longer than a call takes.
	//
	// At of a proposal, if it is not zero, is the time as the caller reckons it. Where the
	// ledger's clock is more than ten seconds from it, that clock has jumped: then At stands
	// in its place in all that the proposal makes the ledger compute or refuse.
	//
	// A ban or lift that carries a position was committed before, at that position of an
	// earlier epoch, and may have been lost. If it was not, or if the ban register holds
	// something later, it changes nothing.
	Commit(ctx context.Context, idempotency string, proposals []Event) (Commit, error)

	// Verify reports whether epoch is still open; [ErrEpoch] if another one is.
	Verify(ctx context.Context, epoch uint64) (Verified, error)

	// Members lists all members.
	Members(ctx context.Context) (Membership, error)

	// Strike removes a member if its renew counter still is what m says and has stood still
	// for [Terms.Wait] under the ledger's own terms; and never while the ledger is
	// unsettled: how long that member's lease is nobody can say then. It reports whether
	// the member is gone afterwards.
	Strike(ctx context.Context, m Member) (bool, error)

	// Log returns the log entries after a position, oldest first, at most limit.
	// [ErrTrimmed] if it does not reach back that far. It works while the ledger is
	// recovering, too.
	Log(ctx context.Context, after Position, limit int) ([]Event, error)

	// Acked records that JetStream has acknowledged these revisions of an epoch and
	// returns the position up to which it has all of them. It may trim the log, never
	// past that position nor past the latest mark. Revisions of an earlier epoch change nothing: what it left
	// unacknowledged was logged anew. [ErrEpoch] if the ledger is in an earlier one.
	Acked(ctx context.Context, epoch uint64, revs []uint64) (durable Position, err error)

	// Mark records up to where the stream was seen to be whole, if the mark recorded so
	// far still is the one at the point was (by Created and Sequence); it may go back.
	// [ErrConflict]: somebody else was faster. [ErrEpoch]: the ledger is not open in the
	// epoch of mark.Complete. Now and then, some 500 times within the time that the stream keeps an event, the point
	// is kept as a witness, until it is as old as that; see [Description.Witness].
	Mark(ctx context.Context, was StreamPoint, mark StreamMark) error

	// Turn gives the turn for a task to holder for d, unless somebody else has it. It
	// saves several publishers doing the same work; nothing is unsafe when two have it.
	Turn(ctx context.Context, task, holder string, d time.Duration) (bool, error)

	// TurnLeads ends the turn of the book of leads that has the given number, unless it is
	// over, and returns the present one. A lead that no worker registered again is
	// forgotten when two turns have ended since; see [Sighting]. One that is never ended
	// keeps the largest leads for ever, which is safe.
	TurnLeads(ctx context.Context, over uint64) (turn uint64, err error)

	// Forget removes those of the keys' states whose Until lies more than a minute before
	// both the ledger's clock and now, the caller's (Unix milliseconds): no state goes by one
	// clock alone, and none in any other way. [Description.Gone] counts them. It returns how
	// many went in this run.
	Forget(ctx context.Context, now int64, keys []Key) (removed int, err error)

	// Recount sets [Description.Gone] to gone if it still is was, so that Born less Gone is
	// how many states there are. [ErrConflict]: states have gone meanwhile. [ErrEpoch]: the
	// ledger is in another epoch. It works while the ledger is recovering, too.
	Recount(ctx context.Context, epoch, was, gone uint64) error

	// Settle records that F + L have passed since the ledger became unsettled for the
	// given time, so that no lease from before is left. [ErrConflict]: it has become
	// unsettled again since.
	Settle(ctx context.Context, epoch, settling uint64) error
}

// EphemeralKey begins the idempotency keys that are made for one call.
const EphemeralKey = "once:"

// RecoveryLedger is what makes and refills a ledger. Each step is idempotent.
type RecoveryLedger interface {
	// Begin puts an uninitialised ledger into RECOVERING at epoch under terms. On a
	// ledger that has an epoch it changes nothing and fails with [ErrConflict].
	Begin(ctx context.Context, epoch uint64, terms Terms) error

	// Restore merges events of any epoch into a RECOVERING ledger, all of them: whoever calls
	// leaves out what may be forgotten. What changes its
	// state, hence was lost, also enters the new epoch's log as a new revision. It
	// returns how many did. [ErrEpoch] if the ledger is not recovering this epoch.
	Restore(ctx context.Context, epoch uint64, events []Event) (changed int, err error)

	// Open ends recovery: the ledger serves the epoch from now on. What earlier epochs
	// logged after the latest mark, or JetStream never acknowledged, enters the new
	// epoch's log as new revisions; what Restore brought is durable already, since
	// JetStream had it. The opening's point becomes the mark, complete up to what
	// Restore brought.
	Open(ctx context.Context, o Opening) error

	// Reopen puts an open or fenced ledger into RECOVERING at a later epoch, as the one
	// that goes on from the record of the server after; its mark is forgotten. On a
	// ledger that is recovering that very epoch it changes nothing. [ErrConflict]: epoch
	// is not later, or the ledger is recovering another one.
	Reopen(ctx context.Context, epoch uint64, after string) error

	// Fence marks the ledger FENCED if it is in the given epoch: another server
	// carries on.
	Fence(ctx context.Context, epoch uint64) error

	// SetTerms replaces the terms of an open ledger. Where a lease granted under the old
	// ones may outlive what is waited for under the new (a shorter lease, less drift, a
	// shorter fence), the same step makes the ledger unsettled: it counts
	// [Description.Settling] up and sets [Description.SettleFor] to the larger of the two
	// [Terms.SettleWait].
	SetTerms(ctx context.Context, terms Terms) error
}

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
	Position Position // epoch, and the latest revision in it
	Durable  Position // JetStream has everything up to here
	Trimmed  Position // the log starts after this
	Settled  bool     // see [PublisherLedger.Settle]
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
	Now      int64       // the ledger's clock, Unix milliseconds
	// Lead is the largest lead of any issuer that is registered, in milliseconds, zero where
	// none is ahead; see [Sighting]. Turn is the number of the book's present turn.
	Lead int64
	Turn uint64
	// Born is how many states were ever made and Gone how many of them were taken out, from
	// the same start: Born less Gone are there, and who counts fewer knows that some vanished.
	Born, Gone uint64
}

// Sighting is a token that a worker is about to accept. Issuers have clocks of their own,
// and a cut-off, which is held against what an issuer wrote, has to be written in that
// issuer's time: it is the ledger's time plus the issuer's lead.
//
// The invariant: no worker has ever accepted a token of an issuer whose issue time was
// later than the ledger's time at that moment plus the lead that was registered for the
// issuer by then, nor later than that less the skew of the terms. A commit reads the
// registered lead in the step that writes the cut-off. So whatever anybody was shown before
// a commit is at or below its cut-off, whichever clock is wrong.
//
// A worker may go by a registered lead for five minutes after it asked. The book is turned
// every ten minutes at most, and what is two turns old is forgotten: for σ and longer after
// a lead was last gone by it is still known, and by then the ledger's time alone has passed
// what was accepted by it.
type Sighting struct {
	Issuer Key   // [IssuerKey]
	Issued int64 // when the token says that it was issued, Unix milliseconds; zero: no token
	// Known registers a lead, in milliseconds, that this worker had registered before, as
	// a ledger that lost data may not know it; zero: none.
	Known int64
}

// Sighted is the answer to a [Sighting].
type Sighted struct {
	Now    int64 // the ledger's clock, Unix milliseconds
	Lead   int64 // of the issuer as it is registered now, in milliseconds, negative where it is behind
	Beyond bool  // the token is ahead of Now by more than the skew: nothing was registered
	// Sure: several tokens bear the lead out, so it is not merely that they were old. Last
	// is the issue time of the latest token that counted for that.
	Sure bool
	Last int64
}

// IssuerKey is what the ledger knows an issuer's clock by: neither store holds its name.
func IssuerKey(realm, issuer string) Key { return KeyOf(realm, ScopeAll, issuer, "") }

// StreamMark says that the stream, as far as Point, holds everything that was committed
// up to Complete: the events themselves, or later ones that add up to the same state.
// Whatever comes after Complete in the epoch stands after From, which lies before Point
// where events stand out of order.
type StreamMark struct {
	Point    StreamPoint
	From     uint64
	Complete Position
	// Begin is the first message that the mark rests on, as far as who sets the mark has
	// just read it; zero: unknown. Where there is no witness it becomes the first, or what
	// lies before the mark's point could be dropped unnoticed until it has one.
	Begin StreamPoint
	// Afresh: the stream was refilled, and what it held before Point is not missed any
	// more; the witnesses are forgotten.
	Afresh bool
	// Missing is how many messages were gone from the middle of the stream, see
	// [StreamInfo.Missing]. An opening keeps what the mark before it said of that stream.
	Missing uint64
}

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
	Applied Position
	Limit   int
	Version string // the worker's software version, for the operator
	Wall    int64  // the worker's wall clock when it asked, Unix milliseconds; zero: not told
	// Reach is kept for the operator until the member goes or says another; nil: what the
	// ledger holds of it stands. See [Renewed.Told].
	Reach *Reach
}

// Renewed is the answer to a [Renewal].
type Renewed struct {
	Position Position // the ledger's position when the step ran
	Events   []Event  // the log after Applied; fewer than Limit: complete up to Position
	More     bool     // the log goes on after Events
	Told     bool     // the ledger holds the member's reach; it lost it with the member otherwise
	Terms    Terms
	Now      int64 // the ledger's clock, Unix milliseconds; what may be forgotten goes by it
}

// whole fails with [ErrTrimmed] if the log lacks entries between applied and the position:
// its revisions run without holes, so one that was cut or lost shows.
func (r *Renewed) whole(applied Position) error {
	last, err := follow(applied, r.Events)
	if err == nil && !r.More && last.Before(r.Position) && r.Position.Rev != 0 {
		err = fmt.Errorf("%w: it ends at %s, the ledger is at %s", ErrTrimmed, last, r.Position)
	}
	return err
}

// follow returns the position of the last entry of a log that was read after a position, and
// fails with [ErrTrimmed] if entries are missing between them.
func follow(after Position, entries []Event) (Position, error) {
	for _, e := range entries {
		next := Position{Epoch: after.Epoch, Rev: after.Rev + 1}
		if e.Position.Epoch > after.Epoch {
			next = Position{Epoch: e.Position.Epoch, Rev: 1}
		}
		if e.Position != next {
			return after, fmt.Errorf("%w: %s follows on %s", ErrTrimmed, e.Position, after)
		}
		after = next
	}
	return after, nil
}

// Checked is the answer to [WorkerLedger.Check]; States is parallel to the keys.
type Checked struct {
	Position Position
	States   []State
	Terms    Terms
	Now      int64 // the ledger's clock, Unix milliseconds
}

// KeyedState is a state with what it stands against. The scope is kept because a
// key does not tell it.
type KeyedState struct {
	Key     Key
	Scope   Scope
	State   State
	Changed int64 // when it last changed, by the ledger's clock, Unix milliseconds
	// Born is which state it was of all that were ever made, see [Description.Born]. Zero:
	// not counted, as states are that come from a snapshot or that an earlier version made.
	Born uint64
}

// Events returns the fewest events that add up to the state, so that a snapshot is
// applied the same way as a log.
func (k KeyedState) Events() []Event {
	base := Event{Position: k.State.At, Scope: k.Scope, Key: k.Key, At: k.Changed, Until: k.State.Until}
	var events []Event
	if k.State.CutOff != 0 {
		e := base
		e.Kind, e.CutOff, e.Except = KindRevoked, k.State.CutOff, k.State.Except
		events = append(events, e)
		if !k.State.Except.IsZero() && k.State.Floor != 0 {
			e.CutOff, e.Except = k.State.Floor, Key{}
			events = append(events, e)
		}
	}
	if ban := k.State.Ban; !ban.At.IsZero() {
		e := base
		e.Kind, e.Position = KindLifted, ban.At
		if ban.Until != 0 {
			e.Kind, e.From, e.Until = KindBanned, ban.From, ban.Until
		}
		events = append(events, e)
	}
	return events
}

// MemberID names one incarnation of one worker. Two processes never share one, so
// an acknowledgement of the new incarnation says nothing about a zombie of the old.
type MemberID struct {
	Worker      string // chosen by the operator: [A-Za-z0-9_.-]{1,64}
	Incarnation string // random, made at start
}

// String returns "worker/incarnation".
func (m MemberID) String() string { return m.Worker + "/" + m.Incarnation }

// Member is a worker incarnation that may hold a lease.
type Member struct {
	ID       MemberID
	Applied  Position
	Renewals uint64 // counts up with each renewal; stands still when the member is gone
	Version  string
	Seen     int64 // the ledger's clock at the latest renewal; for display only
	// Ahead is by how much the worker's wall clock was ahead of the ledger's at the latest
	// renewal, in milliseconds, less what the renewal took to arrive; Told: it was told.
	Ahead int64
	Told  bool
	Reach *Reach // what it accepts; nil: it has not said, or not so that it can be read. Not to be changed
	// Still is how long the counter has stood still as far as whoever strikes the member
	// off has seen, by its own clock.
	Still time.Duration
}

// Membership is the set of members at one instant. Generation changes whenever a
// member joins or goes, and only then.
type Membership struct {
	Generation uint64
	Members    []Member
	Position   Position
	Now        int64 // the ledger's clock, Unix milliseconds
}

// Commit is the answer to [PublisherLedger.Commit]; Entries is parallel to the
// proposals.
type Commit struct {
	Epoch      uint64
	Entries    []CommitEntry
	Generation uint64 // of the membership when it was committed
	Settled    bool
	Repeated   bool // the answer of an earlier run under the same idempotency key
	Terms      Terms
}

// CommitEntry is what became of one proposal.
type CommitEntry struct {
	Event Event // complete: with position, time, cut-off and until
	Fresh bool  // a new log entry was made, which has to be published
}

// Verified is the answer to [PublisherLedger.Verify].
type Verified struct {
	Settled bool
}

// Terms are what a ledger lays down for everyone who uses it. They reach workers
// and publishers in its replies, never by flags: a worker with a longer lease than
// the publisher waits for would break guarantee G1.
type Terms struct {
	Lease time.Duration // L: how long after sending a renewal a worker may trust its memory
	Drift float64       // ρ: the most by which a clock may run fast or slow, such as 0.01
	Fence time.Duration // F: how long a cut-off primary goes on accepting scripts; 0 without replicas

	// Skew is σ: how far an issuer's clock may be ahead of the ledger's, or behind it, and
	// still be gone along with. Tokens from further ahead are refused. Zero: [DefaultSkew].
	Skew time.Duration

	DefaultIssuer string
	// MaxLifetime is the longest that a token covered by a revocation of each scope
	// lives, counted from its issue time as [Claims.Issued] has it, indexed by scope
	// minus one. Workers refuse tokens that live longer.
	MaxLifetime [NumScopes]time.Duration
}

// The bounds of [Terms.Skew], and what it is where the terms say nothing.
const (
	MinSkew     = time.Second
	DefaultSkew = 10 * time.Second
	MaxSkew     = time.Minute
)

// SkewOrDefault is σ, the default filled in.
func (t Terms) SkewOrDefault() time.Duration {
	if t.Skew == 0 {
		return DefaultSkew
	}
	return t.Skew
}

// LeaseFor is how long a worker trusts its own clock to stay within L.
func (t Terms) LeaseFor() time.Duration {
	return time.Duration(float64(t.Lease) * (1 - t.Drift))
}

// Wait is W: once it has passed on a publisher's clock since a commit's answer,
// every lease granted before the commit has run out, whichever way both clocks drift.
func (t Terms) Wait() time.Duration {
	return t.stretch(t.Lease) + waitMargin
}

// SettleWait is how long after an epoch was opened leases of an earlier one may
// still be alive.
func (t Terms) SettleWait() time.Duration {
	return t.stretch(t.Fence+t.Lease) + waitMargin
}

// FenceWait is how long a recoverer waits before it reads the second log.
func (t Terms) FenceWait() time.Duration {
	if t.Fence == 0 {
		return 0
	}
	return t.stretch(t.Fence) + waitMargin
}

const waitMargin = 10 * time.Millisecond

func (t Terms) stretch(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + t.Drift) / (1 - t.Drift))
}
