package token

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
)

// jwksOf writes the JWK Set of some keys.
func jwksOf(pairs ...pair) []byte {
	var keys []any
	for _, p := range pairs {
		jwk := jwkOf(p.key.Public)
		jwk["kid"] = p.key.ID
		keys = append(keys, jwk)
	}
	return must(json.Marshal(map[string]any{"keys": keys}))
}

// named makes an ES256 key with a kid.
func named(kid string) pair {
	p := newPair("ES256")
	p.key.ID = kid
	return p
}

func (p pair) bearer() string {
	return p.token(`{"alg":"ES256","kid":"`+p.key.ID+`"}`, claimsJSON(nil))
}

// site is an http.RoundTripper in place of a JWKS server.
type site struct {
	mu       sync.Mutex
	document []byte
	err      error
	hang     bool // until the request's context ends

	requests atomic.Int64
}

func (s *site) serve(pairs ...pair) { s.set(jwksOf(pairs...), nil, false) }

func (s *site) set(document []byte, err error, hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.document, s.err, s.hang = document, err, hang
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	s.mu.Lock()
	document, err, hang := s.document, s.err, s.hang
	s.mu.Unlock()
	if hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(document)), Request: r}, nil
}

const (
	testInterval = 10 * time.Minute
	testMin      = 10 * time.Second
)

// withSite runs a test in a bubble with a running source on the site.
func withSite(t *testing.T, s *site, test func(t *testing.T, keys *Source, v *Verifier)) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := JWKSURL("https://issuer.test/jwks.json", SourceOptions{
			Client: &http.Client{Transport: s}, Interval: testInterval, MinInterval: testMin, Timeout: 2 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		v := must(New(keys, lax(Options{})))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- keys.Run(ctx) }()
		synctest.Wait()
		test(t, keys, v)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func wantUnknown(t *testing.T, v *Verifier, bearer string, cause error) {
	t.Helper()
	_, err := v.Verify(t.Context(), bearer)
	wantError(t, err, revocast.ErrUnknown, cause)
}

// after lets time pass in the bubble and everything due in it happen.
func after(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

func TestURLRotation(t *testing.T) {
	old, fresh := named("old"), named("fresh")
	s := &site{}
	s.serve(old)
	withSite(t, s, func(t *testing.T, _ *Source, v *Verifier) {
		accepted(t, v, old.bearer())
		s.serve(old, fresh)
		after(testInterval / 2)
		accepted(t, v, fresh.bearer()) // immediately, not at the next interval
		accepted(t, v, old.bearer())
		s.serve(fresh)
		accepted(t, v, old.bearer()) // in force until the next reading
		after(testInterval)
		_, err := v.Verify(t.Context(), old.bearer())
		wantError(t, err, revocast.ErrSignature, ErrUnknownKey)
		accepted(t, v, fresh.bearer())
	})
}

// Made-up kids cause at most one request per MinInterval.
func TestUnknownKIDIsLimited(t *testing.T) {
	known, madeUp := named("known"), named("made-up")
	s := &site{}
	s.serve(known)
	withSite(t, s, func(t *testing.T, _ *Source, v *Verifier) {
		for range 20 {
			_, err := v.Verify(t.Context(), madeUp.bearer())
			wantError(t, err, revocast.ErrSignature, ErrUnknownKey)
		}
		if got := s.requests.Load(); got != 1 {
			t.Errorf("%d requests just after the first one, want 1", got)
		}
		after(testMin)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := v.Verify(t.Context(), madeUp.bearer())
				wantError(t, err, revocast.ErrSignature, ErrUnknownKey)
			})
		}
		all.Wait()
		after(testMin / 2)
		if got := s.requests.Load(); got != 2 {
			t.Errorf("%d requests, want 2", got)
		}
		accepted(t, v, known.bearer())
	})
}

// The same while the server is slow: those who come during a reading share it.
func TestUnknownKIDIsLimitedWhileSlow(t *testing.T) {
	known, madeUp := named("known"), named("made-up")
	s := &site{}
	s.serve(known)
	withSite(t, s, func(t *testing.T, _ *Source, v *Verifier) {
		s.set(nil, nil, true)
		after(testMin)
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				timer := time.NewTimer(time.Duration(i) * 100 * time.Millisecond)
				<-timer.C
				wantUnknown(t, v, madeUp.bearer(), context.DeadlineExceeded)
			})
		}
		all.Wait()
		synctest.Wait()
		if got := s.requests.Load(); got != 2 {
			t.Errorf("%d requests, want 2", got)
		}
		accepted(t, v, known.bearer()) // nobody with a known key waits
	})
}

// A URL that is down at first is no error at start: it is asked again, ever more
// rarely, and until then the answer is unknown, not refused.
func TestURLDownAtFirst(t *testing.T) {
	p, down := named("k1"), errors.New("connection refused")
	s := &site{err: down}
	withSite(t, s, func(t *testing.T, keys *Source, v *Verifier) {
		wantUnknown(t, v, p.bearer(), down)
		if err := keys.Ready(); !errors.Is(err, revocast.ErrUnknown) || !errors.Is(err, down) {
			t.Errorf("ready: %v", err)
		}
		after(time.Hour)
		if got := s.requests.Load(); got < 8 || got > 16 {
			t.Errorf("%d requests in an hour of failures", got)
		}
		s.serve(p)
		after(testInterval)
		accepted(t, v, p.bearer())
		if err := keys.Ready(); err != nil {
			t.Error(err)
		}
	})
}

// An outage later leaves the keys in force. A kid that is not among them may be new,
// and the one who could tell does not answer: unknown.
func TestURLDownLater(t *testing.T) {
	p, madeUp := named("k1"), named("new")
	s := &site{}
	s.serve(p)
	withSite(t, s, func(t *testing.T, keys *Source, v *Verifier) {
		down := errors.New("connection refused")
		for _, outage := range []func(){
			func() { s.set(nil, down, false) },
			func() { s.set(nil, nil, true) },
			func() { s.set([]byte("<html>"), nil, false) },
			func() { s.set([]byte("{}"), nil, false) },
			func() { s.set(make([]byte, 1<<20+1), nil, false) },
		} {
			outage()
			after(testInterval)
			accepted(t, v, p.bearer())
			wantUnknown(t, v, madeUp.bearer(), ErrUnknownKey)
			if err := keys.Ready(); err != nil {
				t.Errorf("ready: %v", err)
			}
		}
		s.serve(p)
		after(2 * testInterval)
		_, err := v.Verify(t.Context(), madeUp.bearer())
		wantError(t, err, revocast.ErrSignature, ErrUnknownKey)
	})
}

// An issuer that says it has no keys is believed: nothing is accepted, and nobody is
// told to throw a token away.
func TestURLWithoutKeys(t *testing.T) {
	p := named("k1")
	s := &site{}
	s.serve(p)
	withSite(t, s, func(t *testing.T, _ *Source, v *Verifier) {
		accepted(t, v, p.bearer())
		s.set([]byte(`{"keys":[]}`), nil, false)
		after(testInterval)
		wantUnknown(t, v, p.bearer(), nil)
	})
}

// A caller who goes away ends its own wait and nothing else.
func TestRenewEndsWithItsContext(t *testing.T) {
	p, madeUp := named("k1"), named("new")
	s := &site{}
	s.serve(p)
	withSite(t, s, func(t *testing.T, _ *Source, v *Verifier) {
		s.set(nil, nil, true)
		after(testMin)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		started := time.Now()
		_, err := v.Verify(ctx, madeUp.bearer())
		wantError(t, err, revocast.ErrUnknown, context.DeadlineExceeded)
		if waited := time.Since(started); waited != time.Millisecond {
			t.Errorf("waited %s", waited)
		}
	})
}

// Who waits when Run ends is released.
func TestRunEndsWhileSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := named("k1")
		s := &site{}
		s.serve(p)
		keys := must(JWKSURL("https://issuer.test/",
			SourceOptions{Client: &http.Client{Transport: s}, Timeout: time.Hour}))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- keys.Run(ctx) }()
		synctest.Wait()
		if err := keys.Run(ctx); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("a second Run: %v", err)
		}
		s.set(nil, nil, true)
		after(time.Minute)
		set := must(keys.Keys())
		waiter := make(chan error, 1)
		go func() {
			got, err := keys.Renew(context.Background(), set)
			if got != set {
				err = errors.New("another set")
			}
			waiter <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := <-waiter; err != nil {
			t.Error(err)
		}
		if _, err := keys.Renew(context.Background(), set); err != nil {
			t.Errorf("not running, so nothing to wait for: %v", err)
		}
	})
}

func TestNotRunIsUnknown(t *testing.T) {
	keys := must(JWKSURL("https://issuer.test/", SourceOptions{}))
	wantUnknown(t, must(New(keys, lax(Options{}))), named("k1").bearer(), nil)
}

// What a JWK Set may hold and what of it is used.
func TestParseJWKS(t *testing.T) {
	ec := named("ec")
	private := must(ec.sign.(interface{ Bytes() ([]byte, error) }).Bytes())
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	member := func(p pair, extra map[string]any) json.RawMessage {
		jwk := map[string]any{"kid": "x"}
		for k, v := range jwkOf(p.key.Public) {
			jwk[k] = v
		}
		for k, v := range extra {
			jwk[k] = v
		}
		return must(json.Marshal(jwk))
	}
	for name, c := range map[string]struct {
		jwk  json.RawMessage
		used bool
	}{
		"plain": {member(ec, nil), true},
		"use sig": {
			member(ec, map[string]any{"use": "sig", "alg": "ES256", "key_ops": []string{"verify"}}), true,
		},
		"private part":  {member(ec, map[string]any{"d": base64.RawURLEncoding.EncodeToString(private)}), true},
		"dead x5u":      {member(ec, map[string]any{"x5u": "https://127.0.0.1:1/"}), true},
		"use enc":       {member(ec, map[string]any{"use": "enc"}), false},
		"only signs":    {member(ec, map[string]any{"key_ops": []string{"sign"}}), false},
		"off the curve": {member(ec, map[string]any{"x": "AAAA"}), false},
		"other curve": {member(pair{key: Key{Public: ecKey(elliptic.P256()).Public()}},
			map[string]any{"crv": "secp256k1"}), false},
		"weak RSA":      {member(pair{key: Key{Public: &weak.PublicKey}}, nil), false},
		"even exponent": {member(newPair("RS256"), map[string]any{"e": "Ag"}), false},
		"exponent one":  {member(newPair("RS256"), map[string]any{"e": "AQ"}), false},
		"secret":        {json.RawMessage(`{"kty":"oct","kid":"x","k":"` + strings.Repeat("A", 86) + `"}`), false},
		"unknown kind":  {json.RawMessage(`{"kty":"new","kid":"x"}`), false},
		"X25519": {
			json.RawMessage(`{"kty":"OKP","crv":"X25519","x":"` + strings.Repeat("A", 43) + `"}`), false,
		},
		"null":             {json.RawMessage(`null`), false},
		"a number":         {json.RawMessage(`7`), false},
		"kid not a string": {json.RawMessage(`{"kty":"EC","kid":7}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			document := must(json.Marshal(map[string]any{"keys": []any{
				c.jwk, member(ec, map[string]any{"kid": "other"}),
			}}))
			set, err := ParseJWKS(document)
			if err != nil {
				t.Fatal(err)
			}
			if used := set.Len() == 2; used != c.used || used == (len(set.LeftOut()) == 1) {
				t.Errorf("%d keys, left out %v", set.Len(), set.LeftOut())
			}
			for _, k := range set.keys {
				if k.Secret != nil || k.Public == nil || checkPublic(k.Public) != nil {
					t.Errorf("let in %+v", k)
				}
			}
		})
	}
	for _, bad := range []string{"", "null", "[]", "{}", `{"keys":{}}`, `{"keys":null}`, "{\"keys\":[]} x"} {
		if _, err := ParseJWKS([]byte(bad)); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	many := `{"keys":[` + strings.TrimSuffix(strings.Repeat("{},", maxKeys+1), ",") + `]}`
	if _, err := ParseJWKS([]byte(many)); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("%d keys: %v", maxKeys+1, err)
	}
}

// A key without kid in a key set serves tokens without kid only; its name is its
// thumbprint.
func TestJWKWithoutKID(t *testing.T) {
	p := named("")
	set, err := ParseJWKS([]byte(strings.Replace(string(jwksOf(p)), `"kid":"",`, ``, 1)))
	if err != nil {
		t.Fatal(err)
	}
	v := must(New(static{set}, lax(Options{})))
	if got := accepted(t, v, p.token(`{"alg":"ES256"}`, claimsJSON(nil))).KeyID; got != thumbprint(p.key.Public) {
		t.Errorf("KeyID %q", got)
	}
	accepted(t, v, p.token(`{"alg":"ES256","kid":""}`, claimsJSON(nil))) // names nothing
	refused(t, v, p.token(`{"alg":"ES256","kid":"any"}`, claimsJSON(nil)), revocast.ErrSignature, ErrUnknownKey)
}
