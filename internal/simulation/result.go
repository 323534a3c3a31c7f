package simulation

import (
	"fmt"
	"maps"
	"time"

	"github.com/revocast/revocast/internal/fake"
)

// Result is the result of a run.
type Result struct {
	Violations []Violation
	Trace      uint64   // the same for the same course of events
	Record     []string // what happened, in order, if it was recorded
	Happened   Happened
}

// Happened counts what happened in one run or in many.
type Happened struct {
	Seeds   uint64
	Virtual time.Duration

	Asked       uint64 // revocations, bans, lifts and invalidations that were asked for
	Confirmed   uint64 // of them
	Unconfirmed uint64 // of them: given up by their callers
	Checks      uint64 // that ended
	Allowed     uint64 // of them
	Revoked     uint64
	Unknown     uint64
	Held        uint64 // checks, of those, that began after a confirmed revocation which covers them
	Epochs      uint64 // that began after the first

	Calls            uint64 // of the stores
	CallsLost        uint64
	CallsLate        uint64
	AnswersLost      uint64
	Messages         uint64 // of the bus, to each who was to hear them
	MessagesLost     uint64
	MessagesLate     uint64
	MessagesRepeated uint64

	Steps map[Kind]uint64 // that took effect
}

func (h *Happened) step(k Kind) {
	if h.Steps == nil {
		h.Steps = make(map[Kind]uint64)
	}
	h.Steps[k]++
}

// add adds another run.
func (h *Happened) add(o *Happened) {
	h.Virtual += o.Virtual
	for _, c := range [...]struct{ sum, of *uint64 }{
		{&h.Seeds, &o.Seeds},
		{&h.Asked, &o.Asked},
		{&h.Confirmed, &o.Confirmed},
		{&h.Unconfirmed, &o.Unconfirmed},
		{&h.Checks, &o.Checks},
		{&h.Allowed, &o.Allowed},
		{&h.Revoked, &o.Revoked},
		{&h.Unknown, &o.Unknown},
		{&h.Held, &o.Held},
		{&h.Epochs, &o.Epochs},
		{&h.Calls, &o.Calls},
		{&h.CallsLost, &o.CallsLost},
		{&h.CallsLate, &o.CallsLate},
		{&h.AnswersLost, &o.AnswersLost},
		{&h.Messages, &o.Messages},
		{&h.MessagesLost, &o.MessagesLost},
		{&h.MessagesLate, &o.MessagesLate},
		{&h.MessagesRepeated, &o.MessagesRepeated},
	} {
		*c.sum += *c.of
	}
	if h.Steps == nil {
		h.Steps = maps.Clone(o.Steps)
		return
	}
	for k, n := range o.Steps {
		h.Steps[k] += n
	}
}

// The promises that a scenario puts to the test, beside the rules of package sim.
const (
	RuleVerdict fake.Rule = "verdict" // a check says what the revocations that it must know of say
	RuleCall    fake.Rule = "call"    // a call ends with a receipt, or an error that callers know
	RuleLive    fake.Rule = "live"    // all is ready at the start, and again after the faults
	RuleNoticed fake.Rule = "noticed" // what vanished from the ledger is noticed
	RuleKept    fake.Rule = "kept"    // both stores hold what was revoked, in the end
)

// Violation is a rule that was broken, and when.
type Violation struct {
	At   time.Duration
	Rule fake.Rule
	Text string
}

// String returns the violation on one line.
func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.At, v.Rule, v.Text) }
