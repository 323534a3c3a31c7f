package revocast_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// What Validate lets through a publisher takes, and what it refuses a publisher refuses.
func TestValidate(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		now := time.Now()
		long := strings.Repeat("x", revocast.MaxID+1)
		for what, r := range map[string]revocast.Revocation{
			"a session":           {Scope: revocast.ScopeSession, ID: "s1"},
			"a principal":         {Scope: revocast.ScopePrincipal, ID: "alice", CutOff: now, Except: "s1", Reason: "r", Initiator: "i"},
			"no scope":            {ID: "s1"},
			"no id":               {Scope: revocast.ScopeSession},
			"a long id":           {Scope: revocast.ScopeSession, ID: long},
			"no UTF-8":            {Scope: revocast.ScopeSession, ID: "\xff"},
			"a session's cut-off": {Scope: revocast.ScopeSession, ID: "s1", CutOff: now},
			"a long reason":       {Scope: revocast.ScopeSession, ID: "s1", Reason: long},
			"a long issuer":       {Scope: revocast.ScopeSession, ID: "s1", Issuer: long},
		} {
			_, err := p.Revoke(w.t.Context(), r, committed())
			if valid := r.Validate(); errors.Is(valid, revocast.ErrInvalid) != errors.Is(err, revocast.ErrInvalid) || valid != nil && err == nil {
				t.Errorf("%s: Validate says %v, Revoke %v", what, valid, err)
			}
		}
		for what, b := range map[string]revocast.Ban{
			"a ban": {Principal: "alice", Until: now.Add(time.Hour)}, "no end": {Principal: "alice"}, "nobody": {Until: now.Add(time.Hour)},
			"ends first": {Principal: "alice", From: now.Add(2 * time.Hour), Until: now.Add(time.Hour)},
		} {
			_, err := p.Ban(w.t.Context(), b, committed())
			if valid := b.Validate(); errors.Is(valid, revocast.ErrInvalid) != errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%s: Validate says %v, Ban %v", what, valid, err)
			}
		}
		for what, i := range map[string]revocast.Invalidation{
			"a session": {Scope: revocast.ScopeSession, ID: "s1"}, "a token": {Scope: revocast.ScopeToken, ID: "t"}, "nothing": {Scope: revocast.ScopeSession},
		} {
			_, err := p.Invalidate(w.t.Context(), i, committed())
			if valid := i.Validate(); errors.Is(valid, revocast.ErrInvalid) != errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%s: Validate says %v, Invalidate %v", what, valid, err)
			}
		}
	})
}
