package limit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/store/storetest"
)

// entry is one attempt of the model.
type entry struct {
	at      time.Time
	state   string // open, failed, cleared, right
	attempt limit.Attempt
}

// pairModel is what a pair's limits say, from the words of the documentation.
type pairModel struct {
	log []entry
}

const (
	window   = time.Minute
	failures = 3
	attempts = 6
)

// decide returns why an attempt at this time is refused and for how long.
func (m *pairModel) decide(at time.Time) (limit.Reason, time.Duration) {
	m.log = slices.DeleteFunc(m.log, func(e entry) bool { return at.Sub(e.at) >= window })
	var failed []time.Time
	for _, e := range m.log {
		if e.state == "open" || e.state == "failed" {
			failed = append(failed, e.at)
		}
	}
	if len(failed) >= failures {
		return limit.Pair, failed[0].Add(window).Sub(at)
	}
	if len(m.log) >= attempts {
		return limit.Attempts, m.log[0].at.Add(window).Sub(at)
	}
	return "", 0
}

func (m *pairModel) tell(id, state string) {
	for i, e := range m.log {
		if e.attempt.ID == id {
			m.log[i].state = state
		} else if state == "right" && e.state == "failed" {
			m.log[i].state = "cleared"
		}
	}
}

// open picks an attempt that has no outcome yet and is still in the window.
func (m *pairModel) open(t *property.T, at time.Time) (limit.Attempt, bool) {
	var all []limit.Attempt
	for _, e := range m.log {
		if e.state == "open" && at.Sub(e.at) < window-10*time.Second {
			all = append(all, e.attempt)
		}
	}
	if len(all) == 0 {
		return limit.Attempt{}, false
	}
	return property.SampledFrom(all).Draw(t, "attempt"), true
}

// TestModel drives the limiter and the model with the same histories: same decisions, same
// waits.
func TestModel(t *testing.T) {
	e := storetest.Embedded(t)
	runs := 0
	property.Check(t, func(r *property.T) {
		runs++
		e.FlushAll()
		l := open(t, e.Client(), limit.Options{
			Window: window, PairFailures: failures, PairAttempts: attempts, IdentifierFailures: 1e6,
			Key: []byte(fmt.Sprintf("%032d", runs)),
		})
		models := map[string]*pairModel{"ann": {}, "bob": {}}
		now := time.Now() // moved by every answer
		r.Repeat(map[string]func(*property.T){
			"begin": func(r *property.T) {
				who := property.SampledFrom([]string{"ann", "bob"}).Draw(r, "who")
				d, err := l.Begin(t.Context(), limit.Attempt{Identifier: who, Address: home})
				if err != nil {
					r.Fatal(err)
				}
				now = d.At
				why, wait := models[who].decide(now)
				if d.Reason != why || d.RetryAfter != wait || d.Allowed != (why == "") {
					r.Fatalf("%s: %+v, want %q for %v", who, d, why, wait)
				}
				if d.Allowed {
					models[who].log = append(models[who].log, entry{now, "open", d.Attempt})
				}
			},
			"fail": func(r *property.T) {
				who := property.SampledFrom([]string{"ann", "bob"}).Draw(r, "who")
				if a, ok := models[who].open(r, now); ok {
					if err := l.Fail(t.Context(), a); err != nil {
						r.Fatal(err)
					}
					models[who].tell(a.ID, "failed")
				}
			},
			"succeed": func(r *property.T) {
				who := property.SampledFrom([]string{"ann", "bob"}).Draw(r, "who")
				if a, ok := models[who].open(r, now); ok {
					if err := l.Succeed(t.Context(), a); err != nil {
						r.Fatal(err)
					}
					models[who].tell(a.ID, "right")
				}
			},
			"wait": func(r *property.T) {
				d := time.Duration(property.IntRange(1, 40).Draw(r, "seconds")) * time.Second
				e.Advance(d)
				now = now.Add(d)
			},
		})
	})
}
