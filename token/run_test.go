package token

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
)

// ran is a source that counts its runs and ends with an error when it is told to.
type ran struct {
	*KeySet
	runs chan struct{}
	end  chan error
	keys error
}

func (r ran) Keys() (*KeySet, error)                          { return r.KeySet, r.keys }
func (r ran) Symmetric() bool                                 { return false }
func (r ran) Renew(context.Context, *KeySet) (*KeySet, error) { return r.KeySet, nil }

func newRan() ran { return ran{&KeySet{}, make(chan struct{}, 9), make(chan error), nil} }

func (r ran) Run(ctx context.Context) error {
	r.runs <- struct{}{}
	select {
	case err := <-r.end:
		return err
	case <-ctx.Done():
		return errors.New("a source that was stopped")
	}
}

// TestVerifierRunsItsSources until the context ends, which is no error, or one of them fails.
func TestVerifierRunsItsSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newRan(), newRan()
		v := must(NewIssuers(map[string]KeySource{issuerA: a, issuerB: b}, Options{AnyAudience: true}))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- v.Run(ctx) }()
		synctest.Wait()
		if len(a.runs) != 1 || len(b.runs) != 1 {
			t.Errorf("%d and %d runs", len(a.runs), len(b.runs))
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stopped: %v", err)
		}
		go func() { done <- v.Run(t.Context()) }()
		failure := errors.New("failure")
		b.end <- failure
		if err := <-done; !errors.Is(err, failure) {
			t.Errorf("a source failed: %v", err)
		}
	})
}

// TestVerifierRunsEachSourceOnce: a source that several issuers share takes no second Run.
func TestVerifierRunsEachSourceOnce(t *testing.T) {
	s := &site{}
	s.serve(named("k1"))
	synctest.Test(t, func(t *testing.T) {
		for _, over := range []func(*Source) (*Verifier, error){
			func(keys *Source) (*Verifier, error) {
				both := map[string]KeySource{issuerA: keys, issuerB: keys}
				return NewIssuers(both, Options{SharedKeys: true, AnyAudience: true})
			},
			func(keys *Source) (*Verifier, error) {
				return New(keys, Options{SharedKeys: true, AnyAudience: true, Issuers: []string{issuerA, issuerB}})
			},
			func(keys *Source) (*Verifier, error) { return New(keys, Options{AnyIssuer: true, AnyAudience: true}) },
		} {
			v := must(over(must(JWKSURL("https://issuer.test/jwks.json", SourceOptions{
				Client: &http.Client{Transport: s},
			}))))
			if err := v.Ready(); !errors.Is(err, revocast.ErrUnknown) {
				t.Errorf("before it ran: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- v.Run(ctx) }()
			synctest.Wait()
			if err := v.Ready(); err != nil {
				t.Errorf("with keys: %v", err)
			}
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	})
}

// TestVerifierIsReady only with the keys of every issuer.
func TestVerifierIsReady(t *testing.T) {
	a, b := newRan(), newRan()
	ready := must(NewIssuers(map[string]KeySource{issuerA: a, issuerB: b}, Options{AnyAudience: true}))
	if err := ready.Ready(); err != nil {
		t.Errorf("both have keys: %v", err)
	}
	b.keys = errors.New("no keys yet")
	missing := must(NewIssuers(map[string]KeySource{issuerA: a, issuerB: b}, Options{AnyAudience: true}))
	if err := missing.Ready(); !errors.Is(err, b.keys) {
		t.Errorf("one has none: %v", err)
	}
}

// TestVerifierOfASource, and what stands in its place where a name is empty.
func TestVerifierOfASource(t *testing.T) {
	p := named("k1")
	s := &site{}
	s.serve(p)
	withSite(t, s, func(t *testing.T, keys *Source, _ *Verifier) {
		for _, audiences := range [][]string{{"orders"}, {"other", "orders"}} {
			v := keys.For("https://issuer.test", audiences[0], audiences[1:]...)
			if _, ok := v.(*Verifier); !ok {
				t.Fatalf("%v: %T", audiences, v)
			}
			_, err := v.Verify(t.Context(), p.token(`{"alg":"ES256","kid":"k1"}`, claimsJSON(changes{
				"iat": time.Now().Unix(), "exp": time.Now().Unix() + 60, "auth_time": nil,
			})))
			if err != nil {
				t.Errorf("%v: %v", audiences, err)
			}
		}
		for _, names := range [][]string{{"", "orders"}, {issuerA, ""}, {issuerA, "a", ""}} {
			v, ok := keys.For(names[0], names[1], names[2:]...).(refusal)
			if !ok {
				t.Fatalf("%q: not refused", names)
			}
			claims, err := v.Verify(t.Context(), p.bearer())
			if claims != nil || !errors.Is(err, revocast.ErrUnknown) || !errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%q: %+v, %v", names, claims, err)
			}
			for _, err := range []error{v.Run(t.Context()), v.Ready(), v.Err()} {
				if !errors.Is(err, revocast.ErrInvalid) {
					t.Errorf("%q: %v, want ErrInvalid", names, err)
				}
			}
		}
	})
}

// TestJWKSFromURLOrFile: a text that is no URL of the web names a file.
func TestJWKSFromURLOrFile(t *testing.T) {
	p := named("k1")
	path := t.TempDir() + "/keys.json"
	write(t, path, jwksOf(p))
	accepted(t, must(New(must(JWKS(path, SourceOptions{})), lax(Options{}))), p.bearer())
	for _, url := range []string{"https://issuer.test/jwks.json", "http://127.0.0.1/jwks.json"} {
		if err := second(JWKS(url, SourceOptions{})); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestSourceThatIsWell is read once in an interval, and tells only of other keys.
func TestSourceThatIsWell(t *testing.T) {
	s := &site{}
	s.serve(named("k1"))
	withSite(t, s, func(t *testing.T, keys *Source, _ *Verifier) {
		told := 0
		keys.OnChange(func() { told++ })
		after(10 * testInterval)
		if n := s.requests.Load(); n < 11 || n > 13 {
			t.Errorf("%d requests in ten intervals", n)
		}
		if told != 0 {
			t.Errorf("told %d times of the same keys", told)
		}
		s.serve(named("k2"))
		after(testInterval)
		if told != 1 {
			t.Errorf("told %d times of other keys", told)
		}
		s.set(nil, errors.New("down"), false)
		after(testInterval)
		if told != 1 {
			t.Errorf("told %d times, the last time of no keys", told)
		}
	})
}

// TestUnknownIsSaidOnce: a source that says unknown is not made to say it twice.
func TestUnknownIsSaidOnce(t *testing.T) {
	keys := newRan()
	for _, err := range []error{revocast.ErrUnknown, errors.New("down")} {
		keys.keys = err
		_, err := must(New(keys, lax(Options{}))).Verify(t.Context(), named("k1").bearer())
		wantError(t, err, revocast.ErrUnknown, keys.keys)
		if n := strings.Count(err.Error(), revocast.ErrUnknown.Error()); n != 1 {
			t.Errorf("%q says unknown %d times", err, n)
		}
	}
}

// TestVerifierWithNothingToRun goes on until the context ends.
func TestVerifierWithNothingToRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := must(New(must(Static(named("k1").key)), lax(Options{})))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- v.Run(ctx) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Run ended early: %v", err)
		default:
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestUnknownKeyIsLookedForImmediately, not at the next interval.
func TestUnknownKeyIsLookedForImmediately(t *testing.T) {
	fresh := named("fresh")
	s := &site{}
	s.serve(named("old"))
	withSite(t, s, func(t *testing.T, _ *Source, v *Verifier) {
		s.serve(fresh)
		after(testMin)
		began := time.Now()
		accepted(t, v, fresh.bearer())
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}
