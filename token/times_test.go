package token

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
)

// Each limit, to the millisecond, with the leeway: the last moment of one answer and
// the first of the other.
func TestTimesToTheMillisecond(t *testing.T) {
	p := newPair("EdDSA")
	const leeway = 2 * time.Second
	at := func(ms int64) func() time.Time { return func() time.Time { return time.UnixMilli(ms) } }
	for name, c := range map[string]struct {
		changes      map[string]any
		good, bad    int64 // Unix milliseconds, one apart
		category, is error
	}{
		"exp": {
			map[string]any{"exp": json.Number("1700000900.250")},
			1_700_000_902_249, 1_700_000_902_250,
			revocast.ErrExpired, jwt.ErrTokenExpired,
		},
		"nbf": {
			map[string]any{"nbf": json.Number("1700000100.250")},
			1_700_000_098_250, 1_700_000_098_249,
			revocast.ErrNotYetValid, jwt.ErrTokenNotValidYet,
		},
		"nbf at iat": { // it is good from its issue on, wherever the issuer's clock is
			map[string]any{"nbf": json.Number("1700000200.125"), "iat": json.Number("1700000200.125")},
			1_700_000_140_125, 1_700_000_140_124,
			revocast.ErrNotYetValid, jwt.ErrTokenNotValidYet,
		},
		"iat": {
			map[string]any{"iat": json.Number("1700000200.125")},
			1_700_000_140_125, 1_700_000_140_124,
			revocast.ErrNotYetValid, jwt.ErrTokenUsedBeforeIssued,
		},
		"auth_time": {
			map[string]any{"auth_time": json.Number("1700000300.001")},
			1_700_000_240_001, 1_700_000_240_000,
			revocast.ErrNotYetValid, jwt.ErrTokenUsedBeforeIssued,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bearer := p.with(c.changes)
			accepted(t, p.verifier(t, Options{Leeway: leeway, Now: at(c.good)}), bearer)
			late := p.verifier(t, Options{Leeway: leeway, Now: at(c.bad)})
			_, err := late.Verify(t.Context(), bearer)
			wantError(t, err, c.category, c.is)

			claims, err := late.VerifyForLogout(t.Context(), bearer)
			if err != nil || claims.Session != "s1" || claims.Principal != "alice" {
				t.Errorf("logout: %+v, %v", claims, err)
			}
		})
	}
}

// What the cache compares with is the very instant at which Verify changes its mind.
func TestAcceptUntilIsTheLimit(t *testing.T) {
	p := newPair("EdDSA")
	now := noon
	v := p.verifier(t, Options{Leeway: 1500 * time.Millisecond, Now: func() time.Time { return now }})
	bearer := p.with(nil)
	end := accepted(t, v, bearer).AcceptUntil
	now = end.Add(-time.Nanosecond)
	accepted(t, v, bearer)
	now = end
	_, err := v.Verify(t.Context(), bearer)
	wantError(t, err, revocast.ErrExpired, jwt.ErrTokenExpired)
}

// Logging out skips the clock and nothing else.
func TestLogoutStillChecksEverything(t *testing.T) {
	p, thief := newPair("ES256"), newPair("ES256")
	v := p.verifier(t, Options{Issuers: []string{"https://issuer.test"}, Audiences: []string{"orders"}, Type: "at+jwt"})
	for name, c := range map[string]struct {
		bearer   string
		category error
	}{
		"signature": {thief.with(map[string]any{"exp": 1}), revocast.ErrSignature},
		"type":      {p.with(map[string]any{"exp": 1}), revocast.ErrClaims},
		"malformed": {"x.y.z", revocast.ErrMalformed},
	} {
		_, err := v.VerifyForLogout(t.Context(), c.bearer)
		if !errors.Is(err, c.category) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Milliseconds survive, so a login in the second of a cut-off is newer than it.
func TestIssuedKeepsMilliseconds(t *testing.T) {
	p := newPair("EdDSA")
	v := p.verifier(t, Options{})
	for text, want := range map[string]int64{
		"1700000000": 1_700_000_000_000, "1700000000.75": 1_700_000_000_750, "1700000000.0019": 1_700_000_000_001,
		"1.7000000003e9": 1_700_000_000_300,
	} {
		claims := accepted(t, v, p.with(map[string]any{"iat": json.Number(text), "auth_time": nil}))
		if got := claims.Issued(); got != want {
			t.Errorf("iat %s: issued %d, want %d", text, got, want)
		}
	}
	// A refreshed token is as old as its session.
	if got := accepted(t, v, p.with(nil)).Issued(); got != 1_699_999_999_125 {
		t.Errorf("issued %d, want that of auth_time", got)
	}
}
