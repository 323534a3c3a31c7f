package port

import (
	"context"
	"time"

	"github.com/revocast/revocast"
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
//     goes RECOVERING in the same step and fails with [revocast.ErrRecovering]. A ledger without
//     an epoch fails with [revocast.ErrUninitialised], a fenced one with [revocast.ErrFenced]. Only
//     Describe, Log, Begin, Restore, Open, Reopen and Fence work on a ledger that is not open.
//   - A method that returns nil has taken effect, and as durably as the server's configuration
//     allows. A method that returns [revocast.ErrOutcomeUnknown] may have. Any other error means it
//     has not.
//   - A server that cannot be reached is [revocast.ErrUnavailable], never "nothing there".
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

	// Class is the class of workers that it lets in. It stands in [MemberID.Class].
	Class() string

	// Describe reports the ledger as it is, in any state; it registers nobody.
	Describe(ctx context.Context) (Description, error)

	// Renew records that the member has applied everything up to Applied, registers
	// it if it is new, and returns the position and the log entries after Applied,
	// oldest first, at most Limit. [revocast.ErrTrimmed]: the log does not reach back that far,
	// and the member is not registered. [revocast.ErrEpoch]: Applied is of a later epoch than
	// the ledger, so the ledger is stale; nothing was recorded. [revocast.ErrUnavailable] if no
	// publisher has let the class in.
	Renew(ctx context.Context, r Renewal) (Renewed, error)

	// Check returns the merged state of each key (zero where nothing stands), all
	// read at the one position that it returns too.
	Check(ctx context.Context, keys []revocast.Key) (Checked, error)

	// Sight registers by how much a token's issue time is ahead of the ledger's clock, so
	// that a cut-off can be written in its issuer's own time. A worker calls it before it
	// accepts a token whose issuer's clock is not registered to be as far ahead; see
	// [Sighting]. [revocast.ErrNames] if the issuer's key is made with another number of
	// secrets than the terms say.
	Sight(ctx context.Context, s Sighting) (Sighted, error)

	// Snapshot returns the states a page at a time: begin with cursor "" and go on with the
	// page's Next until that is "". A page may be empty and not be the last. A state that
	// stands all the while comes at least once; one that changes meanwhile may come as it was
	// before or after, so read the position first and apply the log from there on afterwards.
	Snapshot(ctx context.Context, cursor string) (StatePage, error)

	// Leave removes a member that has given up its lease. Unknown members are fine.
	Leave(ctx context.Context, m MemberID) error
}

// PublisherLedger is what a publisher needs of the ledger.
type PublisherLedger interface {
	// Commit merges the proposals into the ledger and appends them to the log, all or
	// none, under an idempotency key: the same key with the same proposals returns the
	// first answer again, with others it fails with [revocast.ErrConflict]. A proposal that
	// changes nothing (already covered) gets the position of what covers it and no log
	// entry. Proposals the ledger's clock refuses (cut-off in the future, until in the
	// past) fail with [revocast.ErrInvalid]. A key that begins with [EphemeralKey] need not be
	// remembered for longer than a call takes. A move of the names forgets all of them.
	//
	// At of a proposal, if it is not zero, is the time as the caller reckons it. Where the ledger's
	// clock is more than ten seconds away from At, that clock has jumped: then At replaces it in
	// all that the ledger computes or refuses because of the proposal.
	//
	// Keys that are made with another number of secrets than the terms' fail with
	// [revocast.ErrNames]: the caller looks at the terms again.
	//
	// A ban or lift that carries a position was committed before, at that position of an
	// earlier epoch, and may have been lost. If it was not, or if the ban register holds
	// something later, it changes nothing.
	Commit(ctx context.Context, idempotency string, proposals []revocast.Event) (Commit, error)

	// Sealed returns the sealed names of keys, parallel to them; empty where the ledger has none.
	Sealed(ctx context.Context, keys []revocast.Key) ([]string, error)

	// Verify reports whether epoch is still open; [revocast.ErrEpoch] if another one is.
	Verify(ctx context.Context, epoch uint64) (Verified, error)

	// Admit lets workers of these classes in, for good. Those of other classes cannot become members.
	// [DefaultClass] is let in from the beginning.
	Admit(ctx context.Context, classes []string) error

	// Prune drops what a class of workers has written if it is so large that the ledger could run out
	// of memory for revocations, and returns those classes. Their members join again when they renew.
	Prune(ctx context.Context) (classes []string, err error)

	// Members lists all members of the classes that were let in.
	Members(ctx context.Context) (Membership, error)

	// Strike removes a member if its renew counter still is what m says and has stood still for
	// [Terms.Wait] under the ledger's own terms. It never removes one while the ledger is
	// unsettled, because nobody knows then how long that member's lease is. It reports whether the
	// member is gone afterwards.
	Strike(ctx context.Context, m Member) (bool, error)

	// Log returns the log entries after a position, oldest first, at most limit.
	// [revocast.ErrTrimmed] if it does not reach back that far. It works while the ledger is
	// recovering, too.
	Log(ctx context.Context, after revocast.Position, limit int) ([]revocast.Event, error)

	// Acked records that JetStream has acknowledged these revisions of an epoch and returns the
	// position up to which it has all of them. It may trim the log, never past that position nor
	// past the latest mark. Revisions of an earlier epoch change nothing: those that it left
	// unacknowledged were logged again. [revocast.ErrEpoch] if the ledger is in an earlier one.
	Acked(ctx context.Context, epoch uint64, revs []uint64) (durable revocast.Position, err error)

	// Mark records up to where the stream was seen to be whole, if the mark recorded so
	// far still is the one at the point was (by Created and Sequence); it may go back.
	// [revocast.ErrConflict]: somebody else was faster. [revocast.ErrEpoch]: the ledger is not open in the
	// epoch of mark.Complete. Now and then, some 500 times within the time that the stream keeps an event, the point
	// is kept as a witness, until it is as old as that; see [Description.Witness].
	Mark(ctx context.Context, was StreamPoint, mark StreamMark) error

	// Turn gives the turn for a task to holder for d, unless another publisher has it. It keeps
	// several publishers from doing the same work; nothing is unsafe when two have it.
	Turn(ctx context.Context, task, holder string, d time.Duration) (bool, error)

	// TurnLeads ends the turn of the book of leads that has the given number, unless it is over,
	// and returns the present one. A lead that no worker registered again is forgotten when two
	// turns have ended since; see [Sighting]. A turn that is never ended keeps the largest leads
	// for ever, which is safe.
	TurnLeads(ctx context.Context, over uint64) (turn uint64, err error)

	// Forget removes those of the keys' states whose Until lies more than a minute before both the
	// ledger's clock and now, the caller's (Unix milliseconds): no state is removed by one clock
	// alone, and none in any other way. [Description.Gone] counts the removed ones. It returns how
	// many went in this run.
	Forget(ctx context.Context, now int64, keys []revocast.Key) (removed int, err error)

	// Recount sets [Description.Gone] to gone if it still is was, so that Born less Gone is
	// how many states there are. [revocast.ErrConflict]: states have gone meanwhile. [revocast.ErrEpoch]: the
	// ledger is in another epoch. It works while the ledger is recovering, too.
	Recount(ctx context.Context, epoch, was, gone uint64) error

	// Settle records that F + L have passed since the ledger became unsettled for the
	// given time, so that no lease from before is left. [revocast.ErrConflict]: it has become
	// unsettled again since.
	Settle(ctx context.Context, epoch, settling uint64) error
}

// EphemeralKey begins the idempotency keys that are made for one call.
const EphemeralKey = "once:"

// RecoveryLedger is what makes and refills a ledger. Each step is idempotent.
type RecoveryLedger interface {
	// Begin puts an uninitialised ledger into RECOVERING at epoch under terms. On a
	// ledger that has an epoch it changes nothing and fails with [revocast.ErrConflict].
	Begin(ctx context.Context, epoch uint64, terms Terms) error

	// Restore merges events of any epoch into a RECOVERING ledger. It takes all of them: the caller
	// leaves out what may be forgotten. An event that changes the ledger's state was lost, so it
	// also enters the new epoch's log as a new revision. Restore returns how many did.
	// [revocast.ErrEpoch] if the ledger is not recovering this epoch.
	Restore(ctx context.Context, epoch uint64, events []revocast.Event) (changed int, err error)

	// Open ends recovery: the ledger serves the epoch from now on. What earlier epochs
	// logged after the latest mark, or JetStream never acknowledged, enters the new
	// epoch's log as new revisions; what Restore brought is durable already, since
	// JetStream had it. The opening's point becomes the mark, complete up to what
	// Restore brought.
	Open(ctx context.Context, o Opening) error

	// Reopen puts an open or fenced ledger into RECOVERING at a later epoch, with after as the
	// server whose record it continues; its mark is forgotten. On a ledger that is recovering that
	// very epoch it changes nothing. [revocast.ErrConflict]: epoch is not later, or the ledger is
	// recovering another one.
	Reopen(ctx context.Context, epoch uint64, after string) error

	// MoveNames makes the realm's keys those of other name secrets. An open ledger goes into RECOVERING
	// at a later epoch under them; one that is recovering that epoch stays in it. The log counts as
	// trimmed, and the ledger does not open before all states have their new keys. A ledger
	// that has these names already is left as it is. [revocast.ErrEpoch]: epoch is not later, or the
	// ledger is recovering another one.
	MoveNames(ctx context.Context, epoch uint64, names Naming) error

	// OldNames returns the states whose keys are made with another number of name secrets than
	// the terms say, a page at a time as [WorkerLedger.Snapshot] does; of each its Key, its State.Except
	// and Names. It works while the ledger is recovering, too.
	OldNames(ctx context.Context, cursor string) (StatePage, error)

	// Rekey gives states of a RECOVERING ledger their new keys. A state that has gone is left out; one
	// that stands under its new key already is merged into that. No states: all have got theirs, and
	// the ledger may open.
	Rekey(ctx context.Context, epoch uint64, states []Rekeyed) error

	// Fence makes the ledger FENCED if it is in the given epoch: another server carries on.
	Fence(ctx context.Context, epoch uint64) error

	// SetTerms replaces the terms of an open ledger. A lease granted under the old terms may
	// outlive the wait under the new ones (a shorter lease, less drift, a shorter fence). Then the
	// same step makes the ledger unsettled: it counts [Description.Settling] up and sets
	// [Description.SettleFor] to the larger of the two [Terms.SettleWait].
	SetTerms(ctx context.Context, terms Terms) error
}
