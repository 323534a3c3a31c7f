package code_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/store/storetest"
)

// TestNobodyUsesUpAnothersCodes: strangers ask for somebody's codes, each for all that they may and
// together for all that strangers may. A known principal still gets a code, as often as before.
func TestNobodyUsesUpAnothersCodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b.Client, code.Options{Interval: code.NoInterval, Sends: 3})
		ask := func(by code.Asker, want bool) code.Code {
			t.Helper()
			c, err := s.CreateFor(t.Context(), reset, "ann", by)
			var early *code.ResendError
			if err != nil && !errors.As(err, &early) {
				t.Fatal(err)
			}
			if (err == nil) != want {
				t.Fatalf("%+v: %v", by, err)
			}
			if !want && (early.RetryAfter <= 0 || early.RetryAfter > time.Hour) {
				t.Errorf("%+v: again in %v", by, early.RetryAfter)
			}
			return c
		}
		for range 3 {
			ask(code.Asker{From: "a stranger"}, true)
		}
		ask(code.Asker{From: "a stranger"}, false)
		ask(code.Asker{From: "ann, elsewhere"}, true)
		for _, from := range []string{"1", "1", "1", "2", "2", "2", "3", "3"} { // twelve in all
			ask(code.Asker{From: from}, true)
		}
		ask(code.Asker{From: "yet another"}, false)
		home := code.Asker{From: "ann, at home", Known: true}
		for range 2 {
			ask(home, true)
		}
		c := ask(home, true)
		ask(home, false)
		check(t, s, "ann", c.Text, "")
		ask(code.Asker{From: "yet another"}, false)
	})
}

// TestAskersWaitForThemselves: the interval is each asker's own.
func TestAskersWaitForThemselves(t *testing.T) {
	e := storetest.Embedded(t)
	s := open(t, e.Client(), code.Options{})
	for _, step := range []struct {
		from string
		want bool
	}{{"a", true}, {"b", true}, {"a", false}, {"", true}, {"", false}} {
		if _, err := s.CreateLinkFor(t.Context(), reset,
			"ann", code.Asker{From: step.from}); (err == nil) != step.want {
			t.Errorf("%q: %v", step.from, err)
		}
	}
	e.Advance(time.Minute)
	if _, err := s.CreateLinkFor(t.Context(), reset, "ann", code.Asker{From: "a"}); err != nil {
		t.Error(err)
	}
}
