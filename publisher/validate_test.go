package publisher_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
)

// A publisher accepts exactly what Validate accepts.
func TestValidate(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		now := time.Now()
		long := strings.Repeat("x", revocast.MaxID+1)
		for what, r := range map[string]revocast.Revocation{
			"a session": {Scope: revocast.ScopeSession, ID: "s1"},
			"a principal": {
				Scope: revocast.ScopePrincipal, ID: "alice", CutOff: now, Except: "s1",
				Cause: revocast.Cause{Reason: "r", Initiator: "i"},
			},
			"no scope":            {ID: "s1"},
			"no id":               {Scope: revocast.ScopeSession},
			"a long id":           {Scope: revocast.ScopeSession, ID: long},
			"no UTF-8":            {Scope: revocast.ScopeSession, ID: "\xff"},
			"a session's cut-off": {Scope: revocast.ScopeSession, ID: "s1", CutOff: now},
			"a long reason":       {Scope: revocast.ScopeSession, ID: "s1", Cause: revocast.Cause{Reason: long}},
			"a long issuer":       {Scope: revocast.ScopeSession, ID: "s1", Issuer: long},
		} {
			_, err := p.Revoke(w.T.Context(), r, fleettest.Committed())
			if valid := r.Validate(); errors.Is(valid, revocast.ErrInvalid) != errors.Is(err, revocast.ErrInvalid) ||
				valid != nil && err == nil {
				t.Errorf("%s: Validate says %v, Revoke %v", what, valid, err)
			}
		}
		for what, b := range map[string]revocast.Ban{
			"a ban": {Principal: "alice", Until: now.Add(time.Hour)}, "no end": {Principal: "alice"},
			"nobody":     {Until: now.Add(time.Hour)},
			"ends first": {Principal: "alice", From: now.Add(2 * time.Hour), Until: now.Add(time.Hour)},
		} {
			_, err := p.Ban(w.T.Context(), b, fleettest.Committed())
			if valid := b.Validate(); errors.Is(valid, revocast.ErrInvalid) != errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%s: Validate says %v, Ban %v", what, valid, err)
			}
		}
		for what, i := range map[string]revocast.Invalidation{
			"a session": {Scope: revocast.ScopeSession, ID: "s1"}, "a token": {Scope: revocast.ScopeToken, ID: "t"},
			"nothing": {Scope: revocast.ScopeSession},
		} {
			_, err := p.Invalidate(w.T.Context(), i, fleettest.Committed())
			if valid := i.Validate(); errors.Is(valid, revocast.ErrInvalid) != errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%s: Validate says %v, Invalidate %v", what, valid, err)
			}
		}
	})
}
