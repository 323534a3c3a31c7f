package simulation

import (
	"context"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// Mutant is the protocol without one of its safeguards. The zero value is the protocol as it is. A
// safeguard is taken out at the process's ports, its view and its clock: the code in between is the
// product's.
type Mutant struct {
	Name  string
	Macro string // of the same mutant of the model; empty: the model has none

	View      func(p *process, v port.View) port.View
	Before    func(c *check) // a check
	Renew     func(l *ledgerPort, ctx context.Context, r port.Renewal) (port.Renewed, error)
	Sight     func(l *ledgerPort, ctx context.Context, s port.Sighting) (port.Sighted, error)
	Check     func(l *ledgerPort, keys []revocast.Key, answer port.Checked, err error) (port.Checked, error)
	Verify    func(v port.Verified, err error) (port.Verified, error)
	Members   func(p *process, m *port.Membership)
	Ack       func(p *process, a port.Ack, on func(port.Ack)) // after a publisher has heard it
	Heard     func(b *busPort, e revocast.Event)              // after a worker has
	Committed func(t *port.Terms)                             // as the answer to a commit has them
	Timer     func(p *process, d time.Duration) time.Duration
	Publisher func(o *publisher.Options)
	Described func(d *port.Description)
	AnyAck    bool // an acknowledgement is believed whatever the class of who sent it
	AnyMember bool // a class may speak for the members of others
	JunkHides bool // a message that is no epoch record hides the record before it
	OneClock  bool // what takes stock forgets by the ledger's clock alone
	Proposed  func(e *revocast.Event)

	NoStreamWait bool // a publisher does not wait for the stream
	NoReplay     bool // a publisher reads nothing out of it
	NoMend       bool // a publisher looks at the streams' configuration at its start alone
	NoRewrite    bool // a publisher does not write the record of an open epoch again
	NoRekey      bool // a move of the names changes no key, of states or of events
	NoFence      bool // a cut-off primary goes on for ever
	StaleClock   bool // a worker that wakes uses the time when it fell asleep
}

// Mutants lists them all.
func Mutants() []Mutant { return append(workerMutants(), publisherMutants()...) }

func workerMutants() []Mutant {
	return []Mutant{
		{Name: "lease-from-receipt", Macro: "NO_SENDTIME", Renew: fromReceipt},
		{Name: "lease-loaded-last", Macro: "NO_ABA", View: newEarlyView, Before: lookUpEarly},
		{Name: "renewal-not-applied", Macro: "NO_GAP", Renew: withoutEvents},
		{Name: "fill-race", Macro: "NO_FILLREV", View: newRashView},
		{
			Name: "early-acknowledgement", Macro: "NO_ACKAFTER",
			View: func(_ *process, v port.View) port.View { return lateView{v} },
		},
		{Name: "frontier-passes-holes", Macro: "NO_FRONTIER", Heard: acknowledgeLatest},
		{Name: "cold-reads-unfenced", Macro: "NO_COLDFENCE", Check: answerAnyway},
		{Name: "renewal-registers-nobody", Renew: unregistered},
		{Name: "clock-read-early", StaleClock: true},
		{Name: "lead-not-registered", Sight: unsighted},
		{
			Name: "worker-forgets-by-one-clock",
			View: func(p *process, v port.View) port.View { return oneClockView{v, p} },
		},
	}
}

func publisherMutants() []Mutant {
	settled := func(_ port.Verified, err error) (port.Verified, error) {
		return port.Verified{Settled: true}, err
	}
	return []Mutant{
		{Name: "one-acknowledgement-is-enough", Macro: "NO_LEAST", Ack: forAll},
		{Name: "members-of-long-ago", Macro: "NO_GENERATION", Members: ofLongAgo},
		{Name: "no-wait-for-leases", Macro: "EAGER", Committed: func(t *port.Terms) { t.Lease /= 4 }},
		{
			Name: "no-wait-for-members", Macro: "EAGER",
			Members: func(_ *process, m *port.Membership) { m.Members = nil },
		},
		{Name: "no-wait-for-the-stream", Macro: "NO_DUAL", NoStreamWait: true},
		{
			Name: "no-verification", Macro: "NO_VERIFY",
			Verify: func(v port.Verified, _ error) (port.Verified, error) { return settled(v, nil) },
		},
		{Name: "epoch-settled-at-once", Macro: "NO_EPOCHWAIT", Verify: settled},
		{Name: "no-fence", Macro: "NO_FENCE", NoFence: true},
		{Name: "no-recovery", Macro: "NO_RECOVERY", NoReplay: true},
		{Name: "no-wait-before-recovery", Macro: "NO_RECOVERWAIT", Timer: skipFence},
		{Name: "ledger-forgets-by-one-clock", OneClock: true},
		{Name: "names-move-and-keys-do-not", NoRekey: true},
		{Name: "cut-off-of-a-jumped-clock", Proposed: func(e *revocast.Event) { e.At = 0 }},
		{Name: "audit-one-way", Described: func(d *port.Description) { d.Born, d.Gone = 0, 0 }},
		{Name: "judge-at-start-only", NoMend: true},
		{Name: "record-not-rewritten", NoRewrite: true},
		{Name: "acknowledgement-of-any-class", Macro: "NO_ACKCLASS", AnyAck: true},
		{Name: "junk-hides-the-record", JunkHides: true},
		{Name: "members-of-any-class", Macro: "NO_MEMBERCLASS", AnyMember: true},
		{Name: "no-audit", Publisher: func(o *publisher.Options) { o.AuditEvery = time.Hour }},
	}
}

// fromReceipt makes the lease longer by what the answer took.
func fromReceipt(l *ledgerPort, ctx context.Context, r port.Renewal) (port.Renewed, error) {
	sent := l.p.w.now()
	answer, err := l.Ledger.Renew(ctx, r)
	l.p.gate()
	answer.Terms.Lease += (l.p.w.now() - sent) * 102 / 100
	return answer, err
}

func withoutEvents(l *ledgerPort, ctx context.Context, r port.Renewal) (port.Renewed, error) {
	answer, err := l.Ledger.Renew(ctx, r)
	if r.Applied.Rev > 0 {
		answer.Events, answer.More = nil, false
	}
	return answer, err
}

func unregistered(l *ledgerPort, ctx context.Context, r port.Renewal) (port.Renewed, error) {
	answer, err := l.Ledger.Renew(ctx, r)
	if err == nil {
		err = l.Ledger.Leave(ctx, r.Member)
	}
	return answer, err
}

// unsighted lets every token pass, and tells nobody of it.
func unsighted(l *ledgerPort, ctx context.Context, _ port.Sighting) (port.Sighted, error) {
	d, err := l.Ledger.Describe(ctx)
	return port.Sighted{Now: d.Now, Lead: revocast.Forever, Sure: true}, err
}

// answerAnyway is a cut-off primary that goes on answering reads.
func answerAnyway(l *ledgerPort, keys []revocast.Key, answer port.Checked, err error) (port.Checked, error) {
	at := l.p.reaches.Load()
	if err == nil || at == l.p.w.current.Load() {
		return answer, err
	}
	answer = port.Checked{Position: at.Position(), Terms: l.p.w.terms}
	for _, k := range keys {
		answer.States = append(answer.States, at.State(k))
	}
	return answer, nil
}

// acknowledgeLatest acknowledges the latest event, whatever is missing.
func acknowledgeLatest(b *busPort, e revocast.Event) {
	_ = b.Bus.Acknowledge(port.Ack{Member: b.p.worker.Status().Member, Applied: b.latest.raise(e.Position)})
}

// forAll takes one member's acknowledgement as that of all.
func forAll(p *process, a port.Ack, on func(port.Ack)) {
	for _, m := range *p.members.Load() {
		on(port.Ack{Member: m.ID, Applied: a.Applied})
	}
}

// ofLongAgo passes the first members that were ever seen off as those of today.
func ofLongAgo(p *process, m *port.Membership) {
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
