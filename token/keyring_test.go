package token

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const issuerA, issuerB = "https://a.test", "https://b.test"

// TestKeysBelongToIssuers: what A's key signs is A's word alone (RFC 8725 §3.8), also where
// both call their keys the same.
func TestKeysBelongToIssuers(t *testing.T) {
	a, b := newPair("ES256"), newPair("ES256")
	sources := map[string]KeySource{issuerA: must(Static(a.key)), issuerB: must(Static(b.key))}
	v := must(NewIssuers(sources, Options{AnyAudience: true, Now: atNoon, DefaultIssuer: issuerB}))
	for _, good := range []struct {
		p   pair
		iss any
		is  string
	}{{a, issuerA, issuerA}, {b, issuerB, issuerB}, {b, nil, issuerB}, {b, "", issuerB}} {
		got := accepted(t, v, good.p.with(changes{"iss": good.iss}))
		if got.Issuer != good.is || got.KeyIssuer != "" {
			t.Errorf("%v: %+v", good.iss, got)
		}
	}
	for iss, p := range map[string]pair{issuerA: b, issuerB: a} {
		refused(t, v, p.with(changes{"iss": iss}), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
	}
	refused(t, v, a.with(changes{"iss": nil}), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
	refused(t, v, a.with(changes{"iss": issuerA + "/"}), revocast.ErrClaims, jwt.ErrTokenInvalidIssuer)
	refused(t, v, a.with(changes{"iss": 7}), revocast.ErrClaims, jwt.ErrInvalidType)
	refused(t, v, a.token(`{"alg":"ES256"}`, `{"iss":"`+issuerB+`",`+claimsJSON(changes{"iss": issuerA})[1:]),
		revocast.ErrMalformed, ErrDuplicate)
	refused(t, v, a.token(`{"alg":"ES256"}`, `{`), revocast.ErrMalformed, nil)
}

// TestSharedKeysAreSaid, and a revocation of one names its owner.
func TestSharedKeysAreSaid(t *testing.T) {
	p := newPair("ES256")
	keys := must(Static(p.key))
	both := map[string]KeySource{issuerA: keys, issuerB: keys}
	for name, err := range map[string]error{
		"two of one source": second(New(keys, Options{Issuers: []string{issuerA, issuerB}, AnyAudience: true})),
		"each the same":     second(NewIssuers(both, Options{AnyAudience: true})),
		"nobody":            second(NewIssuers(nil, Options{AnyAudience: true})),
		"no source":         second(NewIssuers(map[string]KeySource{issuerA: nil}, Options{AnyAudience: true})),
		"an issuer twice": second(NewIssuers(both,
			Options{AnyAudience: true, SharedKeys: true, Issuers: []string{issuerA}})),
		"secrets and public": second(NewIssuers(map[string]KeySource{
			issuerA: keys, issuerB: must(Static(newPair("HS256").key)),
		}, Options{AnyAudience: true})),
		"no issuer":        second(New(keys, Options{AnyAudience: true})),
		"issuer and any":   second(New(keys, Options{AnyAudience: true, AnyIssuer: true, Issuers: []string{issuerA}})),
		"no audience":      second(New(keys, Options{AnyIssuer: true})),
		"audience and any": second(New(keys, Options{AnyIssuer: true, AnyAudience: true, Audiences: []string{"x"}})),
		"long bearers": second(New(keys,
			Options{AnyIssuer: true, AnyAudience: true, MaxBearer: port.LargestBearer + 1})),
	} {
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	shared := must(New(keys, Options{
		Issuers: []string{issuerB, issuerA}, SharedKeys: true, AnyAudience: true, Now: atNoon,
	}))
	each := must(NewIssuers(both, Options{SharedKeys: true, AnyAudience: true, Now: atNoon}))
	for v, owner := range map[*Verifier]string{shared: issuerB, each: issuerA} {
		want := revocast.KeyOf("r", revocast.ScopeKey, owner, "k1")
		for _, iss := range []string{issuerA, issuerB} {
			if k := revocast.KeysOf("r", accepted(t, v, p.with(changes{"iss": iss}))); !k.Has(want) {
				t.Errorf("a revocation of %s's key does not reach a token of %s", owner, iss)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestKeyThatLeft: a guard that remembers its tokens is told, and a key that replaces it under the
// same name is another one. A key that joins is no news.
func TestKeyThatLeft(t *testing.T) {
	old, fresh, third := named("k1"), named("k1"), named("k3")
	s := &site{}
	s.serve(old)
	withSite(t, s, func(t *testing.T, keys *Source, v *Verifier) {
		var told atomic.Int32
		v.OnLoss(func() { told.Add(1) })
		before := accepted(t, v, old.bearer()).Signer
		s.serve(old, third)
		after(testInterval)
		if told.Load() != 0 || !v.Holds(before) || !v.Holds(revocast.Signer{}) {
			t.Errorf("told %d times of a key that joined", told.Load())
		}
		s.serve(fresh, third)
		after(testInterval)
		if told.Load() != 1 || v.Holds(before) {
			t.Errorf("told %d times, and the key is held: %v", told.Load(), v.Holds(before))
		}
		refused(t, v, old.bearer(), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
		if now := accepted(t, v, fresh.bearer()).Signer; now == before || !v.Holds(now) {
			t.Error("the key in its place counts as the old one, or as gone")
		}
		s.set([]byte(`{"keys":[]}`), nil, false)
		after(testInterval)
		if told.Load() != 2 {
			t.Errorf("told %d times when all keys left", told.Load())
		}
		_ = keys
	})
}

// swapped is a source of somebody else's, which does not tell.
type swapped struct{ now atomic.Pointer[KeySet] }

func (s *swapped) Keys() (*KeySet, error) { return s.now.Load(), nil }
func (s *swapped) Symmetric() bool        { return true }

func (s *swapped) Renew(_ context.Context, _ *KeySet) (*KeySet, error) { return s.now.Load(), nil }

// TestSecretThatWasReplaced at a source that does not tell: the next token does.
func TestSecretThatWasReplaced(t *testing.T) {
	old, fresh := newPair("HS256"), newPair("HS256")
	old.key.ID, fresh.key.ID = "", ""
	s := &swapped{}
	s.now.Store(must(NewKeySet(old.key)))
	v := must(New(s, lax(Options{})))
	told := 0
	v.OnLoss(func() { told++ })
	got := accepted(t, v, old.with(nil))
	if got.KeyID != old.key.Name() || got.KeyID == fresh.key.Name() ||
		strings.Contains(got.KeyID, string(old.key.Secret)) {
		t.Errorf("the secret is called %q", got.KeyID)
	}
	s.now.Store(must(NewKeySet(fresh.key)))
	accepted(t, v, fresh.with(nil))
	if told != 1 || v.Holds(got.Signer) {
		t.Errorf("told %d times, held %v", told, v.Holds(got.Signer))
	}
	refused(t, v, old.with(nil), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
}

// TestRotationWithoutKeyID, or under the same one: one look at the source, and then no
// other for a while, however many forged tokens come.
func TestRotationWithoutKeyID(t *testing.T) {
	for _, header := range []string{`{"alg":"ES256"}`, `{"alg":"ES256","kid":""}`, `{"alg":"ES256","kid":"k1"}`} {
		old, fresh, forged := named("k1"), named("k1"), named("k1")
		if !strings.Contains(header, "k1") {
			old.key.ID, fresh.key.ID = "", ""
		}
		bearer := func(p pair) string { return p.token(header, claimsJSON(nil)) }
		s := &site{}
		s.serve(old)
		withSite(t, s, func(t *testing.T, _ *Source, v *Verifier) {
			accepted(t, v, bearer(old))
			s.serve(fresh)
			after(testMin)
			accepted(t, v, bearer(fresh))
			refused(t, v, bearer(old), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
			before := s.requests.Load()
			for range 100 {
				refused(t, v, bearer(forged), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
			}
			if n := s.requests.Load() - before; n != 0 {
				t.Errorf("%s: forged tokens made %d requests", header, n)
			}
		})
	}
}
