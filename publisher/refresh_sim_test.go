package publisher_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
)

// TestRefreshKeepsEverything: what is published again must get into the stream as a whole. Two
// events at one position are one message to JetStream, which drops the second as a duplicate; the
// realm in memory complains of it.
func TestRefreshKeepsEverything(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		until := time.Now().Add(365 * 24 * time.Hour)
		for _, except := range []string{"s1", "s2"} {
			_, err := p.Revoke(w.T.Context(),
				revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice", Except: except, Until: until})
			w.Must(err)
			fleettest.Elapse(time.Second)
		}
		_, err := p.Ban(w.T.Context(), revocast.Ban{Principal: "alice", Until: until})
		w.Must(err)
		before := w.Ledger.State(fleettest.KeyOf(revocast.ScopePrincipal, fleettest.Issuer, "alice"))
		fleettest.Elapse(2*time.Hour + time.Minute) // the stream keeps an event for two hours
		w.ForgetFirst(3)
		w.Ledger.Empty()
		fleettest.Elapse(5 * time.Second)
		after := w.Ledger.State(fleettest.KeyOf(revocast.ScopePrincipal, fleettest.Issuer, "alice"))
		if after.CutOff != before.CutOff || after.Except != before.Except || after.Floor != before.Floor ||
			after.Ban != before.Ban {
			t.Errorf("before %+v\n after %+v", before, after)
		}
	}, func(t *port.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Second
		}
	})
}
