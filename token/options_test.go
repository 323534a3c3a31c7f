package token

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
)

type changes = map[string]any

// Each case: one option set, a token that only it refuses or only it accepts.
func TestEveryOption(t *testing.T) {
	p := newPair("ES256")
	typed := func(typ string) string {
		return p.token(`{"alg":"ES256","kid":"k1","typ":"`+typ+`"}`, claimsJSON(nil))
	}
	for name, c := range map[string]struct {
		option Options
		bearer string
		ok     bool // with the option; without it, the opposite
	}{
		"Issuers":            {Options{Issuers: []string{"https://a.test", "https://b.test"}}, p.with(nil), false},
		"DefaultIssuer":      {Options{DefaultIssuer: "https://a.test"}, p.with(changes{"iss": nil}), true},
		"Audiences":          {Options{Audiences: []string{"billing"}}, p.with(nil), false},
		"Algorithms":         {Options{Algorithms: []string{"ES384", "RS256"}}, p.with(nil), false},
		"Type":               {Options{Type: "at+jwt"}, p.with(nil), false},
		"Type other":         {Options{Type: "at+jwt"}, typed("JWT"), false},
		"Leeway longer":      {Options{Leeway: time.Minute}, p.with(changes{"exp": 1_699_999_950}), true},
		"Leeway none":        {Options{Leeway: NoLeeway}, p.with(changes{"exp": 1_700_000_000}), false},
		"MaxLifetime":        {Options{MaxLifetime: 10 * time.Minute}, p.with(nil), false},
		"MaxLifetime no iat": {Options{MaxLifetime: time.Hour}, p.with(changes{"iat": nil}), false},
		"AllowNoExpiry":      {Options{AllowNoExpiry: true}, p.with(changes{"exp": nil}), true},
		"Scopes token": {
			Options{Scopes: []revocast.Scope{revocast.ScopeToken}}, p.with(changes{"jti": nil}), false,
		},
		"Scopes session": {
			Options{Scopes: []revocast.Scope{revocast.ScopeSession}}, p.with(changes{"sid": nil}), false,
		},
		"Scopes client": {
			Options{Scopes: []revocast.Scope{revocast.ScopeClient}}, p.with(changes{"client_id": nil}), false,
		},
		"Scopes tenant": {
			Options{Scopes: []revocast.Scope{revocast.ScopeTenant}}, p.with(changes{"tenant": nil}), false,
		},
		"Scopes all, no sub": {
			Options{Scopes: []revocast.Scope{revocast.ScopeAll}}, p.with(changes{"sub": nil}), true,
		},
		"Scopes none at all": {
			Options{Scopes: []revocast.Scope{}}, p.with(changes{"sub": nil, "iat": nil, "auth_time": nil}), true,
		},
		"Scopes token, no iat": {
			Options{Scopes: []revocast.Scope{revocast.ScopeToken}},
			p.with(changes{"sub": nil, "iat": nil, "auth_time": nil}), true,
		},
		"Claims.Session": {Options{Claims: ClaimNames{Session: "session"}}, p.with(changes{"jti": nil}), false},
		"Claims.Session else": {
			Options{Claims: ClaimNames{Session: "session"}},
			p.with(changes{"jti": nil, "sid": nil, "session": "s"}),
			true,
		},
		"Claims.AuthTime": {
			Options{Claims: ClaimNames{AuthTime: "started"}},
			p.with(changes{"iat": nil, "auth_time": nil, "started": 1_699_999_000}), true,
		},
		"Claims.Tenant": {Options{Claims: ClaimNames{Tenant: "org"}}, p.with(changes{"org": 7}), false},
		"Claims.Client": {Options{Claims: ClaimNames{Client: []string{"app"}}}, p.with(changes{"app": 7}), false},
		"Now":           {Options{Now: func() time.Time { return noon.Add(time.Hour) }}, p.with(nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.verifier(t, c.option).Verify(t.Context(), c.bearer)
			if (err == nil) != c.ok {
				t.Errorf("with the option: %v", err)
			}
			if _, err = p.verifier(t, Options{}).Verify(t.Context(), c.bearer); (err == nil) == c.ok {
				t.Errorf("the option makes no difference: %v", err)
			}
		})
	}
}

// Every scope refuses the token that lacks its claim or, with a cut-off, an issue time.
func TestScopesNeedTheirClaims(t *testing.T) {
	p := newPair("ES256")
	for scope, claim := range map[revocast.Scope]string{
		revocast.ScopeToken: "jti", revocast.ScopeSession: "sid", revocast.ScopePrincipal: "sub",
		revocast.ScopeClient: "client_id", revocast.ScopeTenant: "tenant", revocast.ScopeKey: "", revocast.ScopeAll: "",
	} {
		t.Run(scope.String(), func(t *testing.T) {
			v := p.verifier(t, Options{Scopes: []revocast.Scope{scope}})
			accepted(t, v, p.with(nil))
			accepted(t, v, p.with(changes{"iat": nil}))
			accepted(t, v, p.with(changes{"auth_time": nil}))
			if claim != "" {
				refused(t, v, p.with(changes{claim: nil}), revocast.ErrClaims, jwt.ErrTokenRequiredClaimMissing)
			}
			undated := p.with(changes{"iat": nil, "auth_time": nil})
			if scope.Outright() {
				accepted(t, v, undated)
			} else {
				refused(t, v, undated, revocast.ErrClaims, jwt.ErrTokenRequiredClaimMissing)
			}
		})
	}
	secret := newPair("HS256")
	secret.key.ID = ""
	v := secret.verifier(t, Options{Scopes: []revocast.Scope{revocast.ScopeKey}})
	if got := accepted(t, v, secret.with(nil)).KeyID; got != secret.key.Name() || !strings.HasPrefix(got, "secret-") {
		t.Errorf("a secret is called %q", got)
	}
}

func TestClaimNames(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{
		DefaultIssuer: "https://default.test",
		Claims: ClaimNames{
			Session: "session", Tenant: "org", Client: []string{"app", "azp"}, AuthTime: "started",
		},
	})
	got := accepted(t, v, p.with(changes{
		"iss": nil, "session": "s2", "org": "umbrella", "azp": "mobile", "started": 1_699_999_000,
	}))
	if got.Issuer != "https://default.test" || got.Session != "s2" || got.Tenant != "umbrella" ||
		got.Client != "mobile" ||
		!got.AuthTime.Equal(time.Unix(1_699_999_000, 0)) {
		t.Errorf("%+v", got)
	}
	if got.Extra["sid"] != "s1" || got.Extra["client_id"] != "web" {
		t.Errorf("the standard names are ordinary claims now: %v", got.Extra)
	}
	if got = accepted(t, p.verifier(t, Options{}),
		p.with(changes{"client_id": nil, "azp": "mobile"})); got.Client != "mobile" {
		t.Errorf("client %q, want that of azp", got.Client)
	}
}

func TestTypes(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{Type: "application/AT+jwt"})
	for _, typ := range []string{"at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"} {
		accepted(t, v, p.token(`{"alg":"ES256","typ":"`+typ+`"}`, claimsJSON(nil)))
	}
	for _, typ := range []string{
		"", "JWT", "at", "at+jwt ", "logout+jwt", "application/application/at+jwt", "application/at+jwt/x",
	} {
		refused(t, v, p.token(`{"alg":"ES256","typ":"`+typ+`"}`, claimsJSON(nil)), revocast.ErrClaims, ErrType)
	}
	refused(t, v, p.token(`{"alg":"ES256"}`, claimsJSON(nil)), revocast.ErrClaims, ErrType)
}

// Only one slash may be left out.
func TestSameType(t *testing.T) {
	if sameType("x/y", "application/x/y") || !sameType("X/Y", "x/y") {
		t.Error("application/ left out before a type with a slash")
	}
}

// A limit on lifetimes makes a token without exp end.
func TestMaxLifetimeWithoutExpiry(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{AllowNoExpiry: true, MaxLifetime: time.Hour})
	got := accepted(t, v, p.with(changes{"exp": nil}))
	if want := time.UnixMilli(1_700_003_600_250); !got.Expires.Equal(want) ||
		!got.End().Equal(want.Add(DefaultLeeway)) {
		t.Errorf("expires %s, end %s", got.Expires, got.End())
	}
	accepted(t, p.verifier(t, Options{MaxLifetime: 899_750 * time.Millisecond}), p.with(nil))
	refused(t, p.verifier(t, Options{MaxLifetime: 899_749 * time.Millisecond}), p.with(nil), revocast.ErrClaims, nil)

	forever := accepted(t, p.verifier(t, Options{AllowNoExpiry: true}), p.with(changes{"exp": nil}))
	if !forever.End().IsZero() {
		t.Errorf("end %s, want none", forever.End())
	}
}

func TestNonsenseIsAnErrorAtStart(t *testing.T) {
	public, secret := must(Static(newPair("ES256").key)), must(Static(newPair("HS256").key))
	for name, c := range map[string]struct {
		keys    KeySource
		option  Options
		mention string
	}{
		"no source":            {nil, Options{}, "key source"},
		"empty issuer":         {public, Options{Issuers: []string{"a", ""}}, "issuer"},
		"empty audience":       {public, Options{Audiences: []string{""}}, "audience"},
		"default not issuer":   {public, Options{Issuers: []string{"a"}, DefaultIssuer: "b"}, "DefaultIssuer"},
		"HS with public":       {public, Options{Algorithms: []string{"HS256"}}, "HS256"},
		"mixed with public":    {public, Options{Algorithms: []string{"ES256", "HS256"}}, "HS256"},
		"mixed with secret":    {secret, Options{Algorithms: []string{"HS256", "RS256"}}, "RS256"},
		"none":                 {public, Options{Algorithms: []string{"none"}}, "none"},
		"unknown algorithm":    {public, Options{Algorithms: []string{"es256"}}, "case"},
		"leeway":               {public, Options{Leeway: 5*time.Minute + 1}, "Leeway"},
		"lifetime":             {public, Options{MaxLifetime: -1}, "MaxLifetime"},
		"type":                 {public, Options{Type: "at+jwt "}, "Type"},
		"scope":                {public, Options{Scopes: []revocast.Scope{0}}, "Scope"},
		"name taken":           {public, Options{Claims: ClaimNames{Session: "jti"}}, "jti"},
		"name twice":           {public, Options{Claims: ClaimNames{Session: "x", Tenant: "x"}}, "x"},
		"client name empty":    {public, Options{Claims: ClaimNames{Client: []string{""}}}, "claim name"},
		"auth time is iat":     {public, Options{Claims: ClaimNames{AuthTime: "iat"}}, "iat"},
		"client also a tenant": {public, Options{Claims: ClaimNames{Client: []string{"tenant"}}}, "tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.keys, lax(c.option))
			if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), c.mention) {
				t.Errorf("error %v, want ErrInvalid about %q", err, c.mention)
			}
		})
	}
	if _, err := New(public, lax(Options{Leeway: MaxLeeway})); err != nil {
		t.Error(err)
	}
}

// The defaults never include the other kind.
func TestDefaultAlgorithms(t *testing.T) {
	for _, alg := range []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256",
	} {
		p := newPair(alg)
		accepted(t, p.verifier(t, Options{}), p.with(nil))
	}
	p := newPair("HS512")
	refused(t, p.verifier(t, Options{}), p.with(nil), revocast.ErrSignature, ErrAlgorithm)
}

// Options are copied: changing them afterwards changes nothing.
func TestOptionsAreCopied(t *testing.T) {
	p := newPair("ES256")
	issuers := []string{"https://issuer.test"}
	v := p.verifier(t, Options{Issuers: issuers})
	issuers[0] = "https://other.test"
	accepted(t, v, p.with(nil))
}
