package revocast_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// TestRefreshKeepsEverything: what is published anew must get into the stream as a
// whole. Two events at one position are one message to JetStream, which drops the
// second as a duplicate; the realm in memory complains of it.
func TestRefreshKeepsEverything(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		until := time.Now().Add(365 * 24 * time.Hour)
		for _, except := range []string{"s1", "s2"} {
			_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice", Except: except, Until: until})
			w.must(err)
			elapse(time.Second)
		}
		_, err := p.Ban(w.t.Context(), revocast.Ban{Principal: "alice", Until: until})
		w.must(err)
		before := w.ledger.State(revocast.KeyOf(realm, revocast.ScopePrincipal, issuer, "alice"))
		elapse(2*time.Hour + time.Minute) // the stream keeps an event for two hours
		w.forgetFirst(3)
		w.ledger.Empty()
		elapse(5 * time.Second)
		after := w.ledger.State(revocast.KeyOf(realm, revocast.ScopePrincipal, issuer, "alice"))
		if after.CutOff != before.CutOff || after.Except != before.Except || after.Floor != before.Floor || after.Ban != before.Ban {
			t.Errorf("before %+v\n after %+v", before, after)
		}
	}, func(t *revocast.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Second
		}
	})
}
