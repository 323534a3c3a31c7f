package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func TestNewestOfClaims(t *testing.T) {
	early, late := time.UnixMilli(1000), time.UnixMilli(2000)
	for _, c := range []struct {
		issued, auth time.Time
		want         int64
	}{
		{time.Time{}, time.Time{}, 0},
		{early, time.Time{}, 1000},
		{time.Time{}, early, 1000},
		{late, early, 2000},
		{early, late, 2000},
	} {
		if got := newest(&revocast.Claims{IssuedAt: c.issued, AuthTime: c.auth}); got != c.want {
			t.Errorf("%v and %v: %d, want %d", c.issued, c.auth, got, c.want)
		}
	}
}

// TestPassesFromMemory: what is older than the skew by the ledger's clock, and what a lead covers.
func TestPassesFromMemory(t *testing.T) {
	r := newSights(nil)
	if !r.passes(&revocast.Claims{Issuer: sightISS}) {
		t.Error("a token without an issue time does not pass, and every cut-off covers it")
	}
	if r.passes(issuedAhead(-3_600_000)) {
		t.Error("a token passes before the ledger has answered")
	}
	r = newSights(skewed())
	for ahead, want := range map[int64]bool{-2001: true, -2000: true, -1999: false, 0: false, 1: false} {
		if r.passes(issuedAhead(ahead)) != want {
			t.Errorf("%d ms ahead: passes %v", ahead, !want)
		}
	}
	r.clock.mono += 100 * time.Millisecond
	for ahead, want := range map[int64]bool{-1900: true, -1899: false} {
		if r.passes(issuedAhead(ahead)) != want {
			t.Errorf("100 ms later, %d ms ahead: passes %v", ahead, !want)
		}
	}
}

// TestSlowClockOfTheLedger: the time since an answer counts as if the ledger's clock ran slow.
func TestSlowClockOfTheLedger(t *testing.T) {
	r := newSights(&port.Terms{Skew: 2 * time.Second, Drift: 0.2})
	r.clock.mono += time.Second
	if at := r.now.Load().atLeast(r.clock.mono); at != sightNow+800 {
		t.Errorf("a second later it is %d ms later at least", at-sightNow)
	}
	if at := r.now.Load().atLeast(0); at != sightNow {
		t.Errorf("before the answer it is %d ms later", at-sightNow)
	}
	r.hear(0, skewed())
	r.clock.mono -= time.Minute
	r.hear(sightNow+5000, skewed())
	if r.now.Load().ms != sightNow {
		t.Error("no reading, or one that was overtaken, replaced the later one")
	}
	r.clock.mono += time.Hour
	r.hear(sightNow-5000, skewed())
	if r.now.Load().ms != sightNow-5000 {
		t.Error("a clock that was set back is not followed")
	}
}

func TestLeadsThatPass(t *testing.T) {
	var none *knownLead
	if none.passes(0, 0, -1) {
		t.Error("no lead lets a token pass")
	}
	lead := knownLead{ms: 1000, until: time.Minute, last: 50_000}
	for _, c := range []struct {
		name          string
		now           time.Duration
		issued, ahead int64
		sure, want    bool
	}{
		{"sure", 0, 0, 1000, true, true},
		{"sure, past the lead", 0, 0, 1001, true, false},
		{"sure, and over", time.Minute, 0, 0, true, false},
		{"just before it is over", time.Minute - 1, 0, 0, true, true},
		{"far below the lead", 0, 0, 749, false, true},
		{"near the lead", 0, 0, 750, false, false},
		{"near the lead, near the last", 0, 49_001, 750, false, true},
		{"near the lead, long before the last", 0, 49_000, 750, false, false},
		{"near the lead, just after the last", 0, 50_999, 750, false, true},
		{"near the lead, long after the last", 0, 51_000, 750, false, false},
	} {
		lead.sure = c.sure
		if got := lead.passes(c.now, c.issued, c.ahead); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestRegisteredLead lets the next tokens pass for as long as the ledger keeps it.
func TestRegisteredLead(t *testing.T) {
	r := newSights(skewed(), port.Sighted{Now: sightNow, Lead: 500, Sure: true, Last: sightNow + 500})
	if err := r.registerAhead(500); err != nil {
		t.Fatal(err)
	}
	want := port.Sighting{Issuer: revocast.IssuerKey("r", sightISS), Issued: sightNow + 500}
	if len(r.ledger.asked) != 1 || r.ledger.asked[0] != want || r.counts.asked.Load() != 1 {
		t.Errorf("asked %+v, want %+v", r.ledger.asked, want)
	}
	if r.largest() != 500*time.Millisecond || !r.passes(issuedAhead(500)) || r.passes(issuedAhead(501)) {
		t.Errorf("the largest lead is %s", r.largest())
	}
	if err := r.registerAhead(400); err != nil || len(r.ledger.asked) != 1 {
		t.Errorf("asked again about what passes: %v", err)
	}
	r.clock.mono += leadFor
	if r.largest() != 0 || r.passes(issuedAhead(leadFor.Milliseconds())) {
		t.Errorf("after %s the largest lead is %s", leadFor, r.largest())
	}
}

// TestNewestWaitingTokenIsRegistered, and the check's own where that one is from the future.
func TestNewestWaitingTokenIsRegistered(t *testing.T) {
	r := newSights(skewed(), port.Sighted{Now: sightNow, Beyond: true},
		port.Sighted{Now: sightNow, Lead: 500, Sure: true})
	i := r.issuer(sightISS)
	i.raise(sightNow + 9000)
	i.raise(sightNow + 100)
	if err := r.registerAhead(500); err != nil {
		t.Fatal(err)
	}
	if asked := r.ledger.asked; len(asked) != 2 || asked[0].Issued != sightNow+9000 || asked[1].Issued != sightNow+500 {
		t.Errorf("asked %+v", asked)
	}
	if n := r.counts.beyond.Load(); n != 0 {
		t.Errorf("%d tokens from the future", n)
	}
}

// TestTokenFromTheFuture is at fault only where this machine's clock says so too.
func TestTokenFromTheFuture(t *testing.T) {
	for ahead, want := range map[int64]error{
		2001: revocast.ErrNotYetValid, 2000: revocast.ErrUnknown, 0: revocast.ErrUnknown,
	} {
		r := newSights(skewed(), port.Sighted{Now: sightNow - 60_000, Beyond: true})
		err := r.registerAhead(ahead)
		if !errors.Is(err, want) || len(r.ledger.asked) != 1 || r.counts.beyond.Load() != 1 {
			t.Errorf("%d ms ahead of this machine: %v after %d questions, want %v", ahead, err, len(r.ledger.asked),
				want)
		}
		far := (time.Duration(ahead+60_000) * time.Millisecond).String()
		if want == revocast.ErrUnknown && !strings.Contains(err.Error(), far) {
			t.Errorf("%v, want how far it is ahead", err)
		}
		if r.largest() != 0 {
			t.Errorf("a lead of %s was kept", r.largest())
		}
		_ = r.registerAhead(ahead)
		if n := strings.Count(r.log.String(), "\n"); n != 1 || !strings.Contains(r.log.String(), sightISS) {
			t.Errorf("%d lines within a minute:\n%s", n, r.log)
		}
		r.clock.mono += clockLogEvery
		_ = r.registerAhead(ahead)
		if n := strings.Count(r.log.String(), "\n"); n != 2 {
			t.Errorf("%d lines after a minute:\n%s", n, r.log)
		}
	}
}

// TestNewTokenWhileTheLedgerIsAway waits until the lead covers it, if that is soon.
func TestNewTokenWhileTheLedgerIsAway(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name  string
		ahead int64
		until time.Duration // of the lead, from the start
		stuck bool
		want  bool
		waits time.Duration
	}{
		{"covered already", 500, time.Minute, false, true, 1 * time.Millisecond},
		{"soon", 549, time.Minute, false, true, 50 * time.Millisecond},
		{"too new", 550, time.Minute, false, false, 0},
		{"the lead is over", 500, 0, false, false, 0},
		{"the lead ends meanwhile", 540, 10 * time.Millisecond, false, false, 41 * time.Millisecond},
		{"the lead ends right then", 540, 41 * time.Millisecond, false, false, 41 * time.Millisecond},
		{"the clock stands", 540, time.Minute, true, false, 0},
		{"covered, and the clock stands", 500, time.Minute, true, true, 0},
	} {
		r := newSights(skewed())
		r.ledger.err = down
		r.issuer(sightISS).lead.Store(&knownLead{names: r.s.names.Load(), ms: 500, until: r.clock.mono + c.until})
		r.clock.stuck = c.stuck
		began := r.clock.mono
		err := r.registerAhead(c.ahead)
		if (err == nil) != c.want || err != nil && (!errors.Is(err, revocast.ErrUnknown) || !errors.Is(err, down)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if waited := r.clock.mono - began; waited != c.waits || r.counts.failed.Load() != 1 {
			t.Errorf("%s: waited %s, want %s", c.name, waited, c.waits)
		}
	}
	r := newSights(&port.Terms{Skew: 2 * time.Second, Drift: 0.1})
	r.ledger.err = down
	r.issuer(sightISS).lead.Store(&knownLead{names: r.s.names.Load(), ms: 500, until: r.clock.mono + time.Minute})
	if err := r.registerAhead(540); err != nil {
		t.Errorf("with a clock that may run slow: %v", err)
	}
	r = newSights(skewed())
	r.ledger.err = down
	if err := r.registerAhead(1); !errors.Is(err, revocast.ErrUnknown) {
		t.Errorf("without a lead: %v", err)
	}
	r = newSights(nil)
	r.ledger.err = down
	if err := r.registerAhead(1); !errors.Is(err, revocast.ErrUnknown) {
		t.Errorf("without the ledger's time: %v", err)
	}
}

// TestCheckThatGivesUpItsTurn: a token is unknown where its own context ends while it waits.
func TestCheckThatGivesUpItsTurn(t *testing.T) {
	r := newSights(skewed())
	r.issuer(sightISS).turn <- struct{}{}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	err := r.register(ctx, issuedAhead(1), time.Minute)
	if !errors.Is(err, revocast.ErrUnknown) || !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	if len(r.ledger.asked) != 0 || r.issuer(sightISS).newest.Load() != sightNow+1 {
		t.Errorf("asked %+v, and the next one would ask for %d", r.ledger.asked, r.issuer(sightISS).newest.Load())
	}
}

// TestCheckThatIsLate: the timeout of the question does not end the wait for the lead, and the
// caller does.
func TestCheckThatIsLate(t *testing.T) {
	gone := errors.New("gone")
	late, cancel := context.WithTimeoutCause(t.Context(), 0, context.DeadlineExceeded)
	defer cancel()
	ended, end := context.WithCancelCause(t.Context())
	end(gone)
	for ctx, want := range map[context.Context]error{late: nil, ended: gone} {
		r := newSights(skewed())
		r.clock.late = true
		i := r.issuer(sightISS)
		i.lead.Store(&knownLead{names: r.s.names.Load(), ms: 500, until: r.clock.mono + time.Minute})
		err := r.await(ctx, i, issuedAhead(540), gone)
		if (err == nil) != (want == nil) || !errors.Is(err, want) {
			t.Errorf("%v: %v", context.Cause(ctx), err)
		}
	}
}

// TestSightsBeforeAnyTerms: a check may come before the first renewal.
func TestSightsBeforeAnyTerms(t *testing.T) {
	r := newSights(nil, port.Sighted{Now: sightNow, Lead: 500, Sure: true})
	if err := r.registerAhead(500); err != nil || r.now.Load().drift != maxDrift {
		t.Errorf("%v", err)
	}
}

// TestNewestIsAskedOnce where the ledger takes it.
func TestNewestIsAskedOnce(t *testing.T) {
	r := newSights(skewed(), port.Sighted{Now: sightNow, Lead: 600, Sure: true})
	r.issuer(sightISS).raise(sightNow + 600)
	if err := r.registerAhead(500); err != nil || len(r.ledger.asked) != 1 {
		t.Errorf("asked %+v, %v", r.ledger.asked, err)
	}
}

// TestEveryLeadIsRegisteredAgain, also behind leads that are over.
func TestEveryLeadIsRegisteredAgain(t *testing.T) {
	r := newSights(skewed(), port.Sighted{Now: sightNow, Lead: 1})
	const n = 8
	for i := range 2 * n {
		until := r.clock.mono + time.Duration(i%2)
		r.issuer(strings.Repeat("i", i+1)).lead.Store(&knownLead{ms: 1, until: until})
	}
	if err := r.again(t.Context()); err != nil || len(r.ledger.asked) != n {
		t.Errorf("%d leads, want %d, %v", len(r.ledger.asked), n, err)
	}
}

// TestLeadsAreRegisteredAgain at a ledger that may have lost them, for as long as they count.
func TestLeadsAreRegisteredAgain(t *testing.T) {
	most := port.MaxSkew.Milliseconds()
	for _, c := range []struct {
		name       string
		known      knownLead
		answer     int64
		asks, lead int64
	}{
		{"ahead", knownLead{ms: 500, until: time.Minute}, 400, 500, 500},
		{"further ahead meanwhile", knownLead{ms: 500, until: time.Minute}, 700, 500, 700},
		{"behind", knownLead{ms: -most, until: time.Minute}, -most, -most, -most},
		{"furthest ahead", knownLead{ms: most, until: time.Minute}, most, most, most},
		{"over", knownLead{ms: 500}, 400, 0, 500},
		{"zero", knownLead{until: time.Minute}, 400, 0, 0},
		{"too far ahead", knownLead{ms: most + 1, until: time.Minute}, 0, 0, most + 1},
		{"too far behind", knownLead{ms: -most - 1, until: time.Minute}, 0, 0, -most - 1},
	} {
		r := newSights(skewed(), port.Sighted{Now: sightNow, Lead: c.answer, Sure: true, Last: 7})
		c.known.until += r.clock.mono
		i := r.issuer(sightISS)
		i.lead.Store(&c.known)
		if err := r.again(t.Context()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.asks == 0 {
			if len(r.ledger.asked) != 0 || *i.lead.Load() != c.known {
				t.Errorf("%s: asked %+v", c.name, r.ledger.asked)
			}
			continue
		}
		want := port.Sighting{Issuer: r.s.names.Load().IssuerKey(i.name), Known: c.asks}
		if len(r.ledger.asked) != 1 || r.ledger.asked[0] != want {
			t.Errorf("%s: asked %+v, want %+v", c.name, r.ledger.asked, want)
		}
		lead := knownLead{names: r.s.names.Load(), ms: c.lead, until: c.known.until, sure: true, last: 7}
		if got := *i.lead.Load(); got != lead {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	r := newSights(skewed())
	r.ledger.err = errors.New("down")
	r.issuer(sightISS).lead.Store(&knownLead{ms: 1, until: 2 * time.Hour})
	if err := r.again(t.Context()); !errors.Is(err, r.ledger.err) {
		t.Errorf("the ledger is away: %v", err)
	}
}

// TestIssuersPastTheirNumber are not remembered; the ledger is asked about each of their tokens.
func TestIssuersPastTheirNumber(t *testing.T) {
	r := newSights(skewed(), port.Sighted{Now: sightNow, Lead: 500, Sure: true})
	first := r.issuer(sightISS)
	if r.issuer(sightISS) != first || r.size.Load() != 1 {
		t.Errorf("one issuer counts as %d", r.size.Load())
	}
	r.size.Store(maxIssuers - 1)
	if last := r.issuer("last"); r.issuer("last") != last {
		t.Error("the last issuer that fits is not remembered")
	}
	if more := r.issuer("more"); r.issuer("more") == more || r.size.Load() != maxIssuers {
		t.Errorf("an issuer too many is remembered, of %d", r.size.Load())
	}
}

func TestLargestLead(t *testing.T) {
	r := newSights(skewed())
	for name, ms := range map[string]int64{"a": 5, "b": 9, "c": -20} {
		r.issuer(name).lead.Store(&knownLead{ms: ms, until: r.clock.mono + 1})
	}
	r.issuer("none")
	if got := r.largest(); got != 9*time.Millisecond {
		t.Errorf("%s", got)
	}
}
