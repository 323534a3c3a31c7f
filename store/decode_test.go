package store

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func FuzzTerms(f *testing.F) {
	t := port.Terms{Lease: 3 * time.Second, Drift: 0.01, DefaultIssuer: "https://a b/ ü"}
	f.Add(formatTerms(t))
	f.Add("1 0 0 0 0 0 0 0 0 0 ")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		terms, err := parseTerms(text)
		if err != nil || terms.Drift != terms.Drift {
			return
		}
		again, err := parseTerms(formatTerms(terms))
		if err != nil || again != terms {
			t.Errorf("%q is %+v, written and read again %+v, %v", text, terms, again, err)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add("1-2 3 4 - 5 1")
	f.Add("1-2 3 4 000102030405060708090a0b0c0d0e0f 5 0")
	f.Add("1-2 3 4 x 5 0;")
	f.Fuzz(func(t *testing.T, answer string) {
		entries, err := parseAnswer(answer, make([]revocast.Event, 1))
		if (err == nil) != (len(entries) == 1) {
			t.Errorf("%q: %d entries and error %v", answer, len(entries), err)
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add("1-2", "k", "1", "s", "3", "h", "000102030405060708090a0b0c0d0e0f")
	f.Add("x", "k", "", "t", "-1", "c", "9007199254740992")
	f.Fuzz(func(t *testing.T, id, a, b, c, d, e, g string) {
		r := read([]any{[]any{id, []any{a, b, c, d, e, g}}})
		events, err := r.entries()
		if err == nil && (len(events) != 1 || !events[0].Kind.Valid() || !events[0].Scope.Valid()) {
			t.Errorf("%+v without error", events)
		}
	})
}
