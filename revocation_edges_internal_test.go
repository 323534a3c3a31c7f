package revocast

import (
	"strings"
	"testing"
	"time"
)

// TestEdges: the longest words and the outermost instants are taken.
func TestEdges(t *testing.T) {
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	most := Cause{Reason: strings.Repeat("r", MaxReason), Initiator: strings.Repeat("i", MaxReason)}
	for _, r := range []Revocation{
		{Scope: ScopePrincipal, ID: "x", Cause: most},
		{Scope: ScopePrincipal, ID: "x", Cause: Cause{Reason: "a b"}},
		{Scope: ScopePrincipal, ID: "x", CutOff: time.UnixMilli(1), Until: last},
		{Scope: ScopePrincipal, ID: "x", AsOf: time.UnixMilli(1)},
	} {
		if _, err := r.Proposal("r", testIssuer); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	epoch := Revocation{Scope: ScopePrincipal, ID: "x", CutOff: time.UnixMilli(0)}
	_, err := epoch.Proposal("r", testIssuer)
	refused(t, "cut-off at 1970", err, "between 1970 and 9999")
}

func TestCutOffOrAsOf(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_123)
	_, err := Revocation{Scope: ScopePrincipal, ID: "x", CutOff: now, AsOf: now}.Proposal("r", testIssuer)
	refused(t, "cut-off and as of", err, "not both")
	_, err = Revocation{Scope: ScopeToken, ID: "x", AsOf: now}.Proposal("r", testIssuer)
	refused(t, "as of of a token", err, "dead outright")
	_, err = Revocation{Scope: ScopePrincipal, ID: "x", AsOf: time.Unix(-1, 0)}.Proposal("r", testIssuer)
	refused(t, "as of before 1970", err, "as of 1969-12-31")
	e, err := Revocation{Scope: ScopePrincipal, ID: "x", AsOf: now}.Proposal("r", testIssuer)
	if err != nil || e.From != now.UnixMilli() || e.CutOff != 0 {
		t.Errorf("as of: %+v, %v", e, err)
	}
}

func TestPasswordChange(t *testing.T) {
	got := PasswordChange{Principal: "x", Issuer: "i", KeepSession: "s", Initiator: "user"}.Revocation()
	want := Revocation{
		Scope: ScopePrincipal, ID: "x", Issuer: "i", Except: "s",
		Cause: Cause{Reason: "password-change", Initiator: "user"},
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAllButASession(t *testing.T) {
	e, err := Revocation{Scope: ScopeAll, Issuer: "i", Except: "s"}.Proposal("r", testIssuer)
	if err != nil || e.Except != KeyOf("r", ScopeSession, "i", "s") || e.Reckoned.Issuer != IssuerKey("r", "i") {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = Revocation{Scope: ScopeAll}.Proposal("r", testIssuer)
	if err != nil || !e.Reckoned.Issuer.IsZero() {
		t.Errorf("all of the realm is reckoned for one issuer: %+v, %v", e, err)
	}
}

func TestIssuerKey(t *testing.T) {
	if got := IssuerKey("r", "i"); got != KeyOf("r", ScopeAll, "i", "") || got.IsZero() {
		t.Errorf("the key of an issuer is %s", got)
	}
}

func TestBans(t *testing.T) {
	until, cause := time.UnixMilli(1_700_000_000_123), Cause{Reason: "r", Initiator: "i"}
	key := KeyOf("r", ScopePrincipal, testIssuer, "x")
	ban := Ban{Principal: "x", From: until.Add(-1 * time.Millisecond), Until: until, Cause: cause}
	want := Event{
		Kind: KindBanned, Scope: ScopePrincipal, Key: key, Cause: cause, From: ban.From.UnixMilli(),
		Until: until.UnixMilli(),
	}
	if e, err := ban.Proposal("r", testIssuer); err != nil || e != want {
		t.Errorf("%+v, %v, want %+v", e, err, want)
	}
	want = Event{Kind: KindLifted, Scope: ScopePrincipal, Key: key, Cause: cause}
	if e, err := ban.LiftProposal("r", testIssuer); err != nil || e != want {
		t.Errorf("lifted: %+v, %v, want %+v", e, err, want)
	}
	_, err := Ban{Principal: "x", Cause: long}.LiftProposal("r", testIssuer)
	refused(t, "lift with a long reason", err, "reason has")
	_, err = Ban{Principal: "x", Until: time.Unix(-5, 0)}.Proposal("r", testIssuer)
	refused(t, "until before 1970", err, "until 1969")
	_, err = Ban{Principal: "x", Until: until}.Proposal("r", "")
	refused(t, "no issuer at all", err, "no default issuer")
}

func TestInvalidations(t *testing.T) {
	for _, scope := range []Scope{ScopeSession, ScopePrincipal} {
		want := Event{Kind: KindInvalidated, Scope: scope, Key: KeyOf("r", scope, testIssuer, "x")}
		if e, err := (Invalidation{Scope: scope, ID: "x"}).Proposal("r", testIssuer); err != nil || e != want {
			t.Errorf("%+v, %v, want %+v", e, err, want)
		}
	}
	_, err := Invalidation{Scope: ScopeSession, ID: "x"}.Proposal("r", "")
	refused(t, "no issuer at all", err, "no default issuer")
}

// TestValidate: an issuer may be missing, nothing else.
func TestValidate(t *testing.T) {
	for _, v := range []interface{ Validate() error }{
		Revocation{Scope: ScopeToken, ID: "x"},
		Ban{Principal: "x", Until: time.UnixMilli(1)},
		Invalidation{Scope: ScopeSession, ID: "x"},
	} {
		if err := v.Validate(); err != nil {
			t.Errorf("%+v: %v", v, err)
		}
	}
	refused(t, "revocation", Revocation{Scope: ScopeToken}.Validate(), "id is empty")
	refused(t, "ban", Ban{Principal: "x"}.Validate(), "needs an end")
	refused(t, "invalidation", Invalidation{Scope: ScopeSession}.Validate(), "id is empty")
}
