package revocast

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const testIssuer = "https://login.example.com"

func TestRevocationIsRefused(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name string
		r    Revocation
		says string
	}{
		{"no scope", Revocation{ID: "x"}, "needs a scope"},
		{"unknown scope", Revocation{Scope: 99, ID: "x"}, "needs a scope"},
		{"no id", Revocation{Scope: ScopeToken}, "id is empty"},
		{"long id", Revocation{Scope: ScopeToken, ID: strings.Repeat("x", 10<<10)}, "id has 10240 bytes, at most 4096"},
		{"id of no UTF-8", Revocation{Scope: ScopeToken, ID: "\xff"}, "id is not valid UTF-8"},
		{"long issuer", Revocation{Scope: ScopeToken, ID: "x", Issuer: strings.Repeat("x", MaxID+1)}, "issuer has"},
		{"cut-off of a token", Revocation{Scope: ScopeToken, ID: "x", CutOff: now}, "dead outright"},
		{"cut-off of a session", Revocation{Scope: ScopeSession, ID: "x", CutOff: now}, "dead outright"},
		{
			"cut-off before 1970",
			Revocation{Scope: ScopePrincipal, ID: "x", CutOff: time.Unix(-1, 0)},
			"cut-off 1969-12-31",
		},
		{"cut-off after 9999", Revocation{
			Scope: ScopePrincipal, ID: "x", CutOff: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		}, "between 1970 and 9999"},
		{"until before 1970", Revocation{Scope: ScopePrincipal, ID: "x", Until: time.Unix(-1, 0)}, "until 1969-12-31"},
		{"exception of a token", Revocation{Scope: ScopeToken, ID: "x", Except: "s"}, "has no exception"},
		{
			"long exception",
			Revocation{Scope: ScopePrincipal, ID: "x", Except: strings.Repeat("s", MaxID+1)},
			"except has",
		},
		{"all with an id", Revocation{Scope: ScopeAll, ID: "x"}, "takes no id"},
		{"all but a session of no issuer", Revocation{Scope: ScopeAll, Except: "s"}, "needs the issuer"},
		{"long reason", Revocation{Scope: ScopeToken, ID: "x", Cause: long}, "reason has"},
		{
			"reason with a newline",
			Revocation{Scope: ScopeToken, ID: "x", Cause: Cause{Reason: "a\nb"}},
			"reason has control characters",
		},
		{
			"initiator with a NUL",
			Revocation{Scope: ScopeToken, ID: "x", Cause: Cause{Initiator: "\x00"}},
			"initiator has control characters",
		},
	} {
		_, err := c.r.Proposal("r", testIssuer)
		refused(t, c.name, err, c.says)
	}
	_, err := Revocation{Scope: ScopePrincipal, ID: "x"}.Proposal("r", "")
	refused(t, "no issuer at all", err, "no default issuer")
}

// long has a reason that does not fit.
var long = Cause{Reason: strings.Repeat("r", MaxReason+1)}

func TestBanIsRefused(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name string
		b    Ban
		says string
	}{
		{"nobody", Ban{Until: now}, "principal is empty"},
		{"no end", Ban{Principal: "x"}, "needs an end"},
		{"ends before it starts", Ban{Principal: "x", From: now, Until: now}, "ends before it starts"},
		{"from before 1970", Ban{Principal: "x", From: time.Unix(-5, 0), Until: now}, "from 1969"},
		{"long reason", Ban{Principal: "x", Until: now, Cause: long}, "reason has"},
	} {
		_, err := c.b.Proposal("r", testIssuer)
		refused(t, c.name, err, c.says)
	}
	_, err := Ban{}.LiftProposal("r", testIssuer)
	refused(t, "lift of nobody", err, "principal is empty")
	_, err = Invalidation{Scope: ScopeTenant, ID: "x"}.Proposal("r", testIssuer)
	refused(t, "invalidation of a tenant", err, "session or principal")
	_, err = Invalidation{Scope: ScopeSession}.Proposal("r", testIssuer)
	refused(t, "invalidation of nothing", err, "id is empty")
}

func refused(t *testing.T, name string, err error, says string) {
	t.Helper()
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, want ErrInvalid that says %q", name, err, says)
	}
}

func TestStrangeIDsWork(t *testing.T) {
	seen := map[Key]string{}
	for _, id := range []string{
		"a.b", "*", ">", "a:b", " ", "\n", "👋", "a b", strings.Repeat("x", MaxID), "\x00", "../..", "{rv:x}",
	} {
		e, err := Revocation{Scope: ScopePrincipal, ID: id, Except: id}.Proposal("r", testIssuer)
		if err != nil {
			t.Errorf("%q: %v", id, err)
		}
		if other, met := seen[e.Key]; met {
			t.Errorf("%q and %q have one key", id, other)
		}
		seen[e.Key] = id
		if e.Key != KeyOf("r", ScopePrincipal, testIssuer, id) || e.Except != KeyOf("r", ScopeSession, testIssuer, id) {
			t.Errorf("%q: key or exception is another's", id)
		}
	}
}

func TestProposals(t *testing.T) {
	cut := time.UnixMilli(1_700_000_000_123)
	e, err := Revocation{
		Scope: ScopePrincipal, ID: "x", Issuer: "other", CutOff: cut, Until: cut.Add(time.Hour),
		Cause: Cause{Reason: "r", Initiator: "i"},
	}.Proposal("r", testIssuer)
	want := Event{
		Kind: KindRevoked, Scope: ScopePrincipal, Key: KeyOf("r", ScopePrincipal, "other", "x"),
		CutOff: cut.UnixMilli(), Until: cut.Add(time.Hour).UnixMilli(), Cause: Cause{Reason: "r", Initiator: "i"},
		Reckoned: Reckoning{Issuer: IssuerKey("r", "other")},
	}
	if err != nil || e != want {
		t.Errorf("%+v, %v\nwant %+v", e, err, want)
	}
	if e, err := (Revocation{Scope: ScopeSession, ID: "x"}).Proposal("r", testIssuer); err != nil ||
		e.CutOff != Forever {
		t.Errorf("session: %+v, %v", e, err)
	}
	if e, err := (Revocation{Scope: ScopeAll}).Proposal("r", testIssuer); err != nil ||
		e.Key != KeyOf("r", ScopeAll, "", "") {
		t.Errorf("all of the realm: %+v, %v", e, err)
	}
	if e, err := (Revocation{Scope: ScopeAll, Issuer: "i"}).Proposal("r", testIssuer); err != nil ||
		e.Key != KeyOf("r", ScopeAll, "i", "") {
		t.Errorf("all of an issuer: %+v, %v", e, err)
	}
}
