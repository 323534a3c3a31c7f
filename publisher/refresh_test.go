package publisher_test

import (
	"slices"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
)

// A ban may last longer than the stream keeps the event of it. Redis emptied after that
// must not bring the banned user back.
func TestBanOutlivesItsEvent(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		t := w.T
		p := w.Publisher("p")
		_, err := p.Ban(t.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(24 * time.Hour)})
		w.Must(err)
		_, err = p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
		w.Must(err)

		// The stream forgets both events in time; a state that does not outlive them stays
		// forgotten.
		fleettest.Elapse(2*time.Hour + time.Minute)
		again := w.Bus.Events()
		if len(again) == 0 ||
			slices.ContainsFunc(again, func(e revocast.Event) bool { return e.Kind != revocast.KindBanned }) {
			t.Fatalf("published again: %+v; want the ban alone", again)
		}
		w.Ledger.Empty()
		fleettest.Elapse(10 * time.Second)
		w.Must(p.Ready())
		state, err := p.Standing(t.Context(), revocast.ScopePrincipal, "", "mallory")
		w.Must(err)
		if !state.Ban.Covers(time.Now().UnixMilli()) {
			t.Errorf("after the recovery the ban is %+v", state.Ban)
		}
	}, func(t *port.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Second
		}
	})
}
