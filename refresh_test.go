package revocast_test

import (
	"slices"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// A ban may last longer than the stream keeps the event of it. Redis emptied after that
// must not bring the banned user back.
func TestBanOutlivesItsEvent(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		p := w.publisher("p")
		_, err := p.Ban(t.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(24 * time.Hour)})
		w.must(err)
		_, err = p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
		w.must(err)

		// The stream forgets both events in time; what does not outlive them stays forgotten.
		elapse(2*time.Hour + time.Minute)
		again := w.bus.Events()
		if len(again) == 0 || slices.ContainsFunc(again, func(e revocast.Event) bool { return e.Kind != revocast.KindBanned }) {
			t.Fatalf("published anew: %+v; want the ban alone", again)
		}
		w.ledger.Empty()
		elapse(10 * time.Second)
		w.must(p.Ready().Err())
		state, err := p.Standing(t.Context(), revocast.ScopePrincipal, "", "mallory")
		w.must(err)
		if !state.Ban.Covers(time.Now().UnixMilli()) {
			t.Errorf("after the recovery the ban is %+v", state.Ban)
		}
	}, func(t *revocast.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Second
		}
	})
}
