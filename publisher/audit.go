package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// auditExamples is how many keys an [AuditReport] names on each side.
const auditExamples = 20

// AuditReport is what the two stores say about each other.
type AuditReport struct {
	Position revocast.Position // of the ledger when the audit began
	Ledger   int               // live states in Redis
	Stream   int               // live states that the stream's events add up to
	Events   int               // in the stream

	// MissingInStream and MissingInLedger count the states of which one side knows more than the
	// other, without revocations that are still on their way.
	MissingInStream, MissingInLedger int
	Examples                         []AuditExample
	// LeftOut counts the live states that one side alone has and that are not missing in the
	// other: on their way while the audit ran, or a ban that was lifted meanwhile.
	LeftOut int

	Undecodable, Foreign int    // messages in the stream that are not events of this realm
	Gone                 uint64 // messages that are missing from the middle of the stream
}

// AuditExample is one state that one side lacks, or knows less of.
type AuditExample struct {
	Key     revocast.Key
	Lacking Side
	Ledger  revocast.State
	Stream  revocast.State
}

// OK reports whether each side holds everything that the other holds.
func (r AuditReport) OK() bool { return r.MissingInStream == 0 && r.MissingInLedger == 0 }

// Audit reads both stores in full and compares them. It changes nothing and may run
// beside everything else. It holds every live state in memory, some 200 bytes each.
func Audit(ctx context.Context, ledger port.Ledger, bus port.Bus) (AuditReport, error) {
	if err := component.SameRealm(ledger, bus); err != nil {
		return AuditReport{}, err
	}
	d, err := ledger.Describe(ctx)
	if err != nil {
		return AuditReport{}, err
	}
	if err := d.State.Err(); err != nil {
		return AuditReport{}, fmt.Errorf("%w: an audit needs an open ledger", err)
	}
	a := audit{
		ledger: ledger, bus: bus, secrets: d.Terms.Names.Secrets, now: min(d.Now, time.Now().UnixMilli()),
		stream: make(map[revocast.Key]revocast.State), missing: make(map[revocast.Key]bool),
		report: AuditReport{Position: d.Position},
	}
	states, err := a.readLedger(ctx)
	if err != nil {
		return a.report, err
	}
	end, err := a.readStream(ctx, port.StreamPoint{})
	if err != nil {
		return a.report, err
	}
	behind := a.compareLedger(states)
	if err := a.again(ctx, end, behind); err != nil {
		return a.report, err
	}
	if err := a.compareStream(ctx, states); err != nil {
		return a.report, err
	}
	a.countLeftOut(states)
	return a.report, nil
}

func (a *audit) countLeftOut(states map[revocast.Key]revocast.State) {
	for key := range states {
		if !a.live(a.stream[key]) && !a.missing[key] {
			a.report.LeftOut++
		}
	}
	for key, s := range a.stream {
		if _, both := states[key]; a.live(s) && !both && !a.missing[key] {
			a.report.LeftOut++
		}
	}
}

// live reports whether s stands by the clocks that the audit uses.
func (a *audit) live(s revocast.State) bool { return s.Until > a.now && !s.IsZero() }

type audit struct {
	ledger port.Ledger
	bus    port.Bus
	// secrets are how many name secrets the realm's keys are made with.
	secrets uint8
	now     int64 // when the audit began, by the earlier clock of the ledger's and this machine's
	stream  map[revocast.Key]revocast.State
	report  AuditReport
	// missing are the keys that the report counts as missing on one side.
	missing map[revocast.Key]bool
}

func (a *audit) readLedger(ctx context.Context) (map[revocast.Key]revocast.State, error) {
	states := make(map[revocast.Key]revocast.State)
	for cursor := ""; ; {
		page, err := a.ledger.Snapshot(ctx, cursor)
		if err != nil {
			return nil, fmt.Errorf("audit: read the ledger: %w", err)
		}
		for _, k := range page.States {
			if a.live(k.State) {
				states[k.Key] = k.State
			}
		}
		if page.Next == "" {
			a.report.Ledger = len(states)
			return states, nil
		}
		cursor = page.Next
	}
}

func (a *audit) readStream(ctx context.Context, after port.StreamPoint) (port.StreamPoint, error) {
	r, err := a.bus.Replay(ctx, after, func(e revocast.Event) error {
		// After a move of the names the stream was refilled: what it has under old keys says nothing more.
		if e.Kind != revocast.KindInvalidated && e.Names == a.secrets {
			a.stream[e.Key] = a.stream[e.Key].Merge(e.State())
		}
		return nil
	})
	a.report.Events += r.Events
	a.report.Undecodable += r.Undecodable
	a.report.Foreign += r.Foreign
	a.report.Gone += r.Missing
	if err != nil {
		err = fmt.Errorf("audit: read the stream: %w", err)
	}
	return r.End, err
}

// compareLedger returns the states of the ledger of which the stream knows less.
func (a *audit) compareLedger(states map[revocast.Key]revocast.State) (behind map[revocast.Key]revocast.State) {
	behind = make(map[revocast.Key]revocast.State)
	for key, s := range states {
		if lacks(a.stream[key], s) {
			behind[key] = s
		}
	}
	return behind
}

// again reads the end of the stream once more: commits from during the audit may have arrived
// meanwhile, and what JetStream has not acknowledged is not missing.
func (a *audit) again(ctx context.Context, end port.StreamPoint, behind map[revocast.Key]revocast.State) error {
	if len(behind) > 0 {
		if _, err := a.readStream(ctx, end); err != nil {
			return err
		}
	}
	d, err := a.ledger.Describe(ctx)
	if err != nil {
		return err
	}
	for key, s := range behind {
		if lacks(a.stream[key], s) && !d.Durable.Before(s.At) {
			a.report.MissingInStream++
			a.example(AuditExample{Key: key, Lacking: JetStream, Ledger: s, Stream: a.stream[key]})
		}
	}
	return nil
}

// compareStream counts what the stream knows and the ledger does not. States that the first
// reading of the ledger lacked may have been committed since, so the ledger is asked again.
func (a *audit) compareStream(ctx context.Context, states map[revocast.Key]revocast.State) error {
	var open []revocast.Key
	for key, s := range a.stream {
		if !a.live(s) {
			continue
		}
		a.report.Stream++
		if lacks(states[key], s) {
			open = append(open, key)
		}
	}
	const most = 500
	for len(open) > 0 {
		keys := open[:min(most, len(open))]
		open = open[len(keys):]
		answer, err := a.ledger.Check(ctx, keys)
		if err != nil {
			return fmt.Errorf("audit: ask the ledger: %w", err)
		}
		for i, key := range keys {
			if lacks(answer.States[i], a.stream[key]) {
				a.report.MissingInLedger++
				a.example(AuditExample{Key: key, Lacking: Redis, Ledger: answer.States[i], Stream: a.stream[key]})
			}
		}
	}
	return nil
}

func (a *audit) example(e AuditExample) {
	a.missing[e.Key] = true
	if len(a.report.Examples) < auditExamples {
		a.report.Examples = append(a.report.Examples, e)
	}
}

// lacks reports whether s would grow by t. When a state changed is not compared, and
// neither is a ban that was lifted: nobody is refused by it.
func lacks(s, t revocast.State) bool {
	merged := s.Merge(t)
	merged.At, s.At = revocast.Position{}, revocast.Position{}
	if merged.Ban.Until == 0 && s.Ban.Until == 0 {
		merged.Ban, s.Ban = revocast.BanState{}, revocast.BanState{}
	}
	// A ban that was logged again stands at its old position in the ledger and at its new
	// position in the stream.
	merged.Ban.At, s.Ban.At = revocast.Position{}, revocast.Position{}
	if t.CutOff == 0 && merged.Ban == s.Ban {
		return false // a ban's state may have been kept for longer than the ban's own end
	}
	return merged != s
}
