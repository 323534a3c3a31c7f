package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/problem"
)

// TestAwait: Await asks until the receipt is confirmed, and returns the latest receipt when time
// is up.
func TestAwait(t *testing.T) {
	at := revocast.Position{Epoch: 1, Rev: 42}
	committed := strings.Replace(receipt, "confirmed", "committed", 1)
	s := newServer(t, says(200, committed), says(200, committed), says(200, receipt))
	if r, err := s.client(t, client.Options{}).Await(t.Context(), at); err != nil || r.Strength != revocast.Confirmed {
		t.Errorf("%+v, %v", r, err)
	}
	if got := s.requests(); len(got) != 3 || got[0].line != "GET /v1/receipts/1-42?wait=5s" {
		t.Errorf("sent %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if r, err := newServer(t, says(200, committed)).client(t, client.Options{}).Await(ctx, at); !errors.Is(
		err, revocast.ErrPending,
	) || r.Strength != revocast.Committed {
		t.Errorf("when time is up: %+v, %v", r, err)
	}
	if _, err := newServer(t, refuses(revocast.ErrNotFound)).client(t, client.Options{}).Await(
		t.Context(), at,
	); !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
}

func revoke(ctx context.Context, c *client.Client, opts ...revocast.CallOption) (revocast.Receipt, error) {
	return c.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeAll}, opts...)
}

func TestPending(t *testing.T) {
	c := newServer(t, says(202, receipt)).client(t, client.Options{})
	r, err := revoke(t.Context(), c)
	if !errors.Is(err, revocast.ErrPending) || r.Position.Rev != 42 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestProblems(t *testing.T) {
	for _, sentinel := range []error{
		revocast.ErrInvalid, revocast.ErrConflict, revocast.ErrNotFound, revocast.ErrUnavailable,
		revocast.ErrRecovering, revocast.ErrSignature, revocast.ErrUninitialised,
	} {
		s := newServer(t, refuses(fmt.Errorf("%w: the reason", sentinel)))
		_, err := revoke(t.Context(), s.client(t, client.Options{}))
		var answer *client.Error
		if !errors.As(err, &answer) || !errors.Is(err, sentinel) {
			t.Fatalf("%v: got %v", sentinel, err)
		}
		want := problem.From(sentinel)
		if answer.Status != want.Status || answer.Detail != "the reason" || answer.Hint != want.Hint ||
			answer.RetryAfter != want.RetryAfter {
			t.Errorf("%v: got %+v", sentinel, answer)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%v: asked %d times", sentinel, n)
		}
	}
}

func TestSomebodyElseAnswers(t *testing.T) {
	for status, body := range map[int]string{502: "<html>bad gateway</html>", 404: `{"message":"no route"}`, 302: ""} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			says(status, body)(w, r)
		})
		_, err := revoke(t.Context(), s.client(t, client.Options{Token: "t"}))
		var answer *client.Error
		if !errors.As(err, &answer) || answer.Status != status || answer.Hint == "" ||
			errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("%d: %v", status, err)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%d: %d requests, redirects must not be followed", status, n)
		}
	}
	if _, err := revoke(t.Context(), newServer(t, says(200, "<html>")).client(t, client.Options{})); err == nil {
		t.Error("a page is a receipt")
	}
}

// TestRepeats: a request that may have been carried out is repeated under the same key.
func TestRepeats(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"unknown": refuses(revocast.ErrOutcomeUnknown), "broken": breaks,
	} {
		s := newServer(t, first, first, says(200, receipt))
		if r, err := revoke(t.Context(), s.client(t, client.Options{})); err != nil || r.Position.Rev != 42 {
			t.Errorf("%s: %v", name, err)
		}
		got := s.requests()
		if len(got) != 3 || got[0].key == "" || got[0] != got[1] || got[1] != got[2] {
			t.Errorf("%s: sent %+v", name, got)
		}
	}
}

func TestRepeatsEnd(t *testing.T) {
	s := newServer(t, refuses(revocast.ErrOutcomeUnknown))
	if _, err := revoke(t.Context(), s.client(t, client.Options{})); !errors.Is(err, revocast.ErrOutcomeUnknown) {
		t.Error(err)
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("asked %d times", n)
	}
	s = newServer(t, breaks)
	if _, err := revoke(
		t.Context(), s.client(t, client.Options{Retries: client.NoRetries}),
	); !errors.Is(err, revocast.ErrOutcomeUnknown) || errors.Is(err, revocast.ErrUnavailable) {
		t.Error(err)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestReadsAreNotRepeated(t *testing.T) {
	s := newServer(t, breaks)
	if _, err := s.client(t, client.Options{}).Status(t.Context()); !errors.Is(err, revocast.ErrUnavailable) ||
		len(s.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.requests()))
	}
}

func TestKeysDiffer(t *testing.T) {
	s := newServer(t, says(200, receipt))
	c := s.client(t, client.Options{})
	for range 2 {
		if _, err := revoke(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.requests(); got[0].key == got[1].key {
		t.Errorf("both have %q", got[0].key)
	}
}

func TestNobodyThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	c, err := client.New("http://"+address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, read := c.Standing(t.Context(), revocast.ScopePrincipal, "", "alice")
	_, write := c.Ban(t.Context(), revocast.Ban{Principal: "alice", Until: time.Now()})
	for _, err := range []error{read, write} { // nothing was sent, so nothing was done
		if !errors.Is(err, revocast.ErrUnavailable) || strings.Contains(err.Error(), "alice") ||
			!strings.Contains(err.Error(), address) {
			t.Error(err)
		}
	}
}

func TestTimeout(t *testing.T) {
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := s.client(t, client.Options{Timeout: 20 * time.Millisecond, Retries: client.NoRetries})
	_, err := revoke(t.Context(), c)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, revocast.ErrOutcomeUnknown) {
		t.Error(err)
	}
}

func TestBadURLs(t *testing.T) {
	for _, base := range []string{"", "localhost:8080", "ftp://x", "http://", "http://x?y=1", "http://x#y", "://"} {
		if _, err := client.New(base, client.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%q: %v", base, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]client.Options{
		"timeout": {Timeout: -1}, "reconnect": {Reconnect: -1}, "retries": {Retries: -2},
	} {
		if _, err := client.New("http://x", o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := client.New("http://x", client.Options{Realm: "prod"})
	if err != nil || c.Realm() != "prod" || c.WithWait(time.Second).Unconfirmed().Realm() != "prod" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestRefusedHere: a request that cannot be put to any server is refused without asking one.
func TestRefusedHere(t *testing.T) {
	s := newServer(t, says(200, receipt))
	c := s.client(t, client.Options{})
	_, ban := c.Ban(t.Context(), revocast.Ban{})
	_, lift := c.Unban(t.Context(), revocast.Ban{})
	_, standing := c.Standing(t.Context(), revocast.ScopeToken, "", "")
	_, key := c.KeyFor(t.Context(), revocast.ScopeToken, "", "")
	_, long := revoke(t.Context(), c, revocast.WithIdempotencyKey(strings.Repeat("k", 256)))
	_, strange := revoke(t.Context(), c, revocast.WithIdempotencyKey("a\nb"))
	_, blank := revoke(t.Context(), c, revocast.WithIdempotencyKey(" k"))
	_, strength := revoke(t.Context(), c, revocast.WithStrength(9))
	for i, err := range []error{ban, lift, standing, key, long, strange, blank, strength} {
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%d: %v", i, err)
		}
	}
	for _, bearer := range []string{"", "a b", "a\n"} {
		if _, err := c.Logout(t.Context(), bearer); !errors.Is(err, revocast.ErrToken) {
			t.Errorf("%q: %v", bearer, err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestVerdicts: a verdict says why in the same errors as in a worker's own process.
func TestVerdicts(t *testing.T) {
	for answer, want := range map[string][]error{
		`{"verdict":"revoked","reason":"banned","detail":"d"}`: {
			revocast.ErrRevoked, revocast.ErrBanned, revocast.ErrToken,
		},
		`{"verdict":"revoked","reason":"revoked","detail":"d"}`: {revocast.ErrRevoked, revocast.ErrToken},
		`{"verdict":"invalid","reason":"expired","detail":"d"}`: {revocast.ErrExpired, revocast.ErrToken},
		`{"verdict":"invalid","reason":"claims","detail":"d"}`:  {revocast.ErrClaims},
		`{"verdict":"invalid","reason":"later","detail":"d"}`:   {revocast.ErrMalformed},
		`{"verdict":"unknown","reason":"unknown","detail":"d"}`: {revocast.ErrUnknown},
		`{"verdict":"perhaps","detail":"d"}`:                    {revocast.ErrUnknown},
	} {
		v, err := newServer(t, says(200, answer)).client(t, client.Options{}).Verdict(t.Context(), "x")
		if err != nil || v.OK() || v.Err == nil || v.Err.Error() != "d" {
			t.Errorf("%s: %+v, %v", answer, v, err)
		}
		for _, sentinel := range want {
			if !errors.Is(v.Err, sentinel) {
				t.Errorf("%s: %v is not %v", answer, v.Err, sentinel)
			}
		}
	}
	v, err := newServer(t, breaks).client(t, client.Options{}).Verdict(t.Context(), "x")
	if v.OK() || v.Outcome != revocast.Unknown || !errors.Is(v.Err, revocast.ErrUnknown) ||
		!errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("nobody answers: %+v, %v", v, err)
	}
}
