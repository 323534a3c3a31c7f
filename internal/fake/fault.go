package fake

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// Op names a method of a port.
type Op string

// The operations.
const (
	OpDescribe Op = "Describe"
	OpRenew    Op = "Renew"
	OpCheck    Op = "Check"
	OpSnapshot Op = "Snapshot"
	OpLeave    Op = "Leave"
	OpCommit   Op = "Commit"
	OpVerify   Op = "Verify"
	OpAdmit    Op = "Admit"
	OpPrune    Op = "Prune"
	OpMembers  Op = "Members"
	OpStrike   Op = "Strike"
	OpLog      Op = "Log"
	OpAcked    Op = "Acked"
	OpSettle   Op = "Settle"
	OpBegin    Op = "Begin"
	OpRestore  Op = "Restore"
	OpOpen     Op = "Open"
	OpFence    Op = "Fence"
	OpReopen   Op = "Reopen"
	OpSetTerms Op = "SetTerms"
	OpMark     Op = "Mark"
	OpTurn     Op = "Turn"
	OpSight    Op = "Sight"
	OpLeads    Op = "TurnLeads"
	OpForget   Op = "Forget"
	OpRecount  Op = "Recount"
	OpSealed   Op = "Sealed"

	OpMoveNames Op = "MoveNames"
	OpOldNames  Op = "OldNames"
	OpRekey     Op = "Rekey"

	OpPublish      Op = "Publish"
	OpRefill       Op = "Refill"
	OpReplay       Op = "Replay"
	OpStream       Op = "Stream"
	OpSaveSnapshot Op = "SaveSnapshot"
	OpLoadSnapshot Op = "LoadSnapshot"
	OpAcknowledge  Op = "Acknowledge"
	OpEpoch        Op = "Epoch"
	OpClaimEpoch   Op = "ClaimEpoch"
	OpPrepare      Op = "Prepare"
	OpMend         Op = "Mend"
)

// Call is one call of a port as a [Hook] sees it.
type Call struct {
	Link string // of the process that calls
	Op   Op
	Arg  any // the argument that matters most: Renewal, Event, Ack, []Event …; may be nil
}

// Fault is what becomes of a call. The zero value is none.
type Fault struct {
	Delay time.Duration // passes before the step
	Drop  bool          // the step is not done
	Err   error         // the caller's answer instead of the step's own
	After time.Duration // passes between the step and the answer
	// Part is how many of a replay's events, or of a snapshot's states, are handed out
	// before it fails with Err. Zero: none.
	Part int
	// Late does the step even if the caller's context ends during Delay: a request that
	// was still on its way.
	Late bool
}

// Hook decides about a call before it is done. It runs outside all locks.
type Hook func(Call) Fault

// NotDone is the fault of a call that fails and takes no effect.
func NotDone() Fault {
	return Fault{Drop: true, Err: fmt.Errorf("%w: fake: request lost", revocast.ErrUnavailable)}
}

// Done is the fault of a call that takes effect and whose answer is lost. err is what
// the port says for that: ErrOutcomeUnknown where it matters, ErrUnavailable where not.
func Done(err error) Fault { return Fault{Err: fmt.Errorf("%w: fake: answer lost", err)} }

// Reporter hears of what a caller must never do; testing.TB is one.
type Reporter interface {
	Errorf(format string, args ...any)
}

// Rule is a rule that callers keep.
type Rule string

// The rules that a reporter may want to know apart. All others are RuleContract.
const (
	RuleContract Rule = "contract"
	RuleStrike   Rule = "strike" // no worker is struck off whose lease may hold
	RuleSettle   Rule = "settle" // no epoch is settled while a lease of the one before may hold
	RulePlace    Rule = "place"  // no event is published in the place of another one
)

// RuleReporter is a [Reporter] that is told which rule was broken.
type RuleReporter interface {
	Broken(rule Rule, text string)
}

// report does nothing without a reporter.
func report(r Reporter, format string, args ...any) { reportOf(RuleContract, r, format, args...) }

func reportOf(rule Rule, r Reporter, format string, args ...any) {
	switch r := r.(type) {
	case nil:
	case RuleReporter:
		r.Broken(rule, "fake: "+fmt.Sprintf(format, args...))
	default:
		r.Errorf("fake: "+format, args...)
	}
}
