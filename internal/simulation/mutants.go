package simulation

import (
	"context"
	"time"

	"github.com/revocast/revocast"
)

// Mutant is the protocol without one of its safeguards. The zero value is the protocol
// as it is. What is taken out of a process is taken out at its ports, its view and its
// clock: the code in between is the product's.
type Mutant struct {
	Name  string
	Macro string // of the same mutant of the model; empty: the model has none

	View      func(p *process, v revocast.View) revocast.View
	Before    func(c *check) // a check
	Renew     func(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error)
	Sight     func(l *ledgerPort, ctx context.Context, s revocast.Sighting) (revocast.Sighted, error)
	Check     func(l *ledgerPort, keys []revocast.Key, answer revocast.Checked, err error) (revocast.Checked, error)
	Verify    func(v revocast.Verified, err error) (revocast.Verified, error)
	Members   func(p *process, m *revocast.Membership)
	Ack       func(p *process, a revocast.Ack, on func(revocast.Ack)) // after a publisher has heard it
	Heard     func(b *busPort, e revocast.Event)                      // after a worker has
	Committed func(t *revocast.Terms)                                 // as the answer to a commit has them
	Timer     func(p *process, d time.Duration) time.Duration
	Publisher func(o *revocast.PublisherOptions)
	Described func(d *revocast.Description)
	OneClock  bool // what takes stock forgets by the ledger's clock alone
	Proposed  func(e *revocast.Event)

	NoStreamWait bool // a publisher does not wait for the stream
	NoReplay     bool // a publisher reads nothing out of it
	NoMend       bool // a publisher looks at the streams' configuration at its start alone
	NoRewrite    bool // a publisher does not write the record of an open epoch again
	NoFence      bool // a cut-off primary goes on for ever
	StaleClock   bool // a worker that wakes goes by the time when it fell asleep
}

// Mutants lists them all.
func Mutants() []Mutant { return append(workerMutants(), publisherMutants()...) }

func workerMutants() []Mutant {
	return []Mutant{
		{Name: "lease-from-receipt", Macro: "NO_SENDTIME", Renew: fromReceipt},
		{Name: "lease-loaded-last", Macro: "NO_ABA", View: newEarlyView, Before: lookUpEarly},
		{Name: "renewal-not-applied", Macro: "NO_GAP", Renew: withoutEvents},
		{Name: "fill-race", Macro: "NO_FILLREV", View: newRashView},
		{Name: "early-acknowledgement", Macro: "NO_ACKAFTER", View: func(_ *process, v revocast.View) revocast.View { return lateView{v} }},
		{Name: "frontier-passes-holes", Macro: "NO_FRONTIER", Heard: acknowledgeLatest},
		{Name: "cold-reads-unfenced", Macro: "NO_COLDFENCE", Check: answerAnyway},
		{Name: "renewal-registers-nobody", Renew: unregistered},
		{Name: "clock-read-early", StaleClock: true},
		{Name: "lead-not-registered", Sight: unsighted},
		{Name: "worker-forgets-by-one-clock", View: func(p *process, v revocast.View) revocast.View { return oneClockView{v, p} }},
	}
}

func publisherMutants() []Mutant {
	settled := func(_ revocast.Verified, err error) (revocast.Verified, error) {
		return revocast.Verified{Settled: true}, err
	}
	return []Mutant{
		{Name: "one-acknowledgement-is-enough", Macro: "NO_LEAST", Ack: forAll},
		{Name: "members-of-long-ago", Macro: "NO_GENERATION", Members: ofLongAgo},
		{Name: "no-wait-for-leases", Macro: "EAGER", Committed: func(t *revocast.Terms) { t.Lease /= 4 }},
		{Name: "no-wait-for-members", Macro: "EAGER", Members: func(_ *process, m *revocast.Membership) { m.Members = nil }},
		{Name: "no-wait-for-the-stream", Macro: "NO_DUAL", NoStreamWait: true},
		{Name: "no-verification", Macro: "NO_VERIFY", Verify: func(v revocast.Verified, _ error) (revocast.Verified, error) { return settled(v, nil) }},
		{Name: "epoch-settled-at-once", Macro: "NO_EPOCHWAIT", Verify: settled},
		{Name: "no-fence", Macro: "NO_FENCE", NoFence: true},
		{Name: "no-recovery", Macro: "NO_RECOVERY", NoReplay: true},
		{Name: "no-wait-before-recovery", Macro: "NO_RECOVERWAIT", Timer: skipFence},
		{Name: "ledger-forgets-by-one-clock", OneClock: true},
		{Name: "cut-off-of-a-jumped-clock", Proposed: func(e *revocast.Event) { e.At = 0 }},
		{Name: "audit-one-way", Described: func(d *revocast.Description) { d.Born, d.Gone = 0, 0 }},
		{Name: "judge-at-start-only", NoMend: true},
		{Name: "record-not-rewritten", NoRewrite: true},
		{Name: "no-audit", Publisher: func(o *revocast.PublisherOptions) { o.AuditEvery = time.Hour }},
	}
}

// fromReceipt makes the lease longer by what the answer took.
func fromReceipt(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	sent := l.p.w.now()
	answer, err := l.Ledger.Renew(ctx, r)
	l.p.gate()
	answer.Terms.Lease += (l.p.w.now() - sent) * 102 / 100
	return answer, err
}

func withoutEvents(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	answer, err := l.Ledger.Renew(ctx, r)
	if r.Applied.Rev > 0 {
		answer.Events, answer.More = nil, false
	}
	return answer, err
}

func unregistered(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	answer, err := l.Ledger.Renew(ctx, r)
	if err == nil {
		err = l.Ledger.Leave(ctx, r.Member)
	}
	return answer, err
}

// unsighted lets every token pass, and tells nobody of it.
func unsighted(l *ledgerPort, ctx context.Context, _ revocast.Sighting) (revocast.Sighted, error) {
	d, err := l.Ledger.Describe(ctx)
	return revocast.Sighted{Now: d.Now, Lead: revocast.Forever, Sure: true}, err
}

// answerAnyway is a cut-off primary whose reads nobody fences.
func answerAnyway(l *ledgerPort, keys []revocast.Key, answer revocast.Checked, err error) (revocast.Checked, error) {
	at := l.p.reaches.Load()
	if err == nil || at == l.p.w.current.Load() {
		return answer, err
	}
	answer = revocast.Checked{Position: at.Position(), Terms: l.p.w.terms}
	for _, k := range keys {
		answer.States = append(answer.States, at.State(k))
	}
	return answer, nil
}

// acknowledgeLatest acknowledges the latest event, whatever is missing.
func acknowledgeLatest(b *busPort, e revocast.Event) {
	_ = b.Bus.Acknowledge(revocast.Ack{Member: b.p.worker.Status().Member, Applied: b.latest.raise(e.Position)})
}

// forAll takes one member's word for everybody's.
func forAll(p *process, a revocast.Ack, on func(revocast.Ack)) {
	for _, m := range *p.members.Load() {
		on(revocast.Ack{Member: m.ID, Applied: a.Applied})
	}
}

// ofLongAgo passes the first members that were ever seen off as those of today.
func ofLongAgo(p *process, m *revocast.Membership) {
	if len(*p.oldest.Load()) > 0 {
		m.Members = *p.oldest.Load()
	}
}

// skipFence reads the stream although the old primary may still be serving.
func skipFence(p *process, d time.Duration) time.Duration {
	if p.publisher != nil && d == p.w.terms.FenceWait() {
		return 0
	}
	return d
}
