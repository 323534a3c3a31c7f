package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/problem"
)

// TestBearersThatAreNone: every printable character of ASCII may be in a token, and no other one.
func TestBearersThatAreNone(t *testing.T) {
	s := newServer(t, says(200, receipt))
	c := s.client(t, client.Options{})
	if _, err := c.Logout(t.Context(), "!~"); err != nil {
		t.Error(err)
	}
	for _, bearer := range []string{"", "a b", "a\n", "a\x7f", "é"} {
		if _, err := c.Logout(t.Context(), bearer); !errors.Is(err, revocast.ErrMalformed) {
			t.Errorf("%q: %v", bearer, err)
		}
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestRetryAfter is a number of seconds, or it is not said.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "0": 0, "-3": 0, "soon": 0, "7s": 0,
		"99999999999999999999": 0,
	} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			says(http.StatusServiceUnavailable, "")(w, r)
		})
		_, err := s.client(t, client.Options{}).Status(t.Context())
		var answer *client.Error
		if !errors.As(err, &answer) || answer.RetryAfter != want {
			t.Errorf("%q: %+v, want %s", header, answer, want)
		}
	}
}

// TestWhatIsNoProblem: an answer counts as a server's problem by its type, its form and its title.
func TestWhatIsNoProblem(t *testing.T) {
	const body = `{"type":"x","title":"the title","status":400,"detail":"the detail"}`
	const other = "Bad Request: the answer is not one of a revocast server (HTTP 400)"
	for name, c := range map[string]struct {
		media, body, text string
	}{
		"a problem":          {problem.ContentType, body, "the title: the detail (HTTP 400)"},
		"with a charset":     {problem.ContentType + "; charset=utf-8", body, "the title: the detail (HTTP 400)"},
		"without a detail":   {problem.ContentType, `{"title":"the title"}`, "the title (HTTP 400)"},
		"JSON":               {"application/json", body, other},
		"no JSON":            {problem.ContentType, "<", other},
		"a problem cut off":  {problem.ContentType, body[:60], other},
		"JSON with no title": {problem.ContentType, `{}`, other},
	} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", c.media)
			says(http.StatusBadRequest, c.body)(w, r)
		})
		if _, err := s.client(t, client.Options{}).Status(t.Context()); err == nil || err.Error() != c.text {
			t.Errorf("%s: %v, want %s", name, err, c.text)
		}
	}
}

// TestWatchBreaksOnAnyServerError, the first of them too, and on no smaller one.
func TestWatchBreaksOnAnyServerError(t *testing.T) {
	s := newServer(t, says(http.StatusInternalServerError, ""), streams(t, "", event(1)))
	got, broken, err := watch(t, s, client.Options{}, revocast.Position{}, 1)
	if !errors.Is(err, errEnough) || len(got) != 1 || len(broken) != 1 {
		t.Errorf("500: %v after %v, %v", got, broken, err)
	}
	var answer *client.Error
	s = newServer(t, says(499, ""))
	_, broken, err = watch(t, s, client.Options{}, revocast.Position{}, 1)
	if !errors.As(err, &answer) || broken != nil {
		t.Errorf("499: %v after %v", err, broken)
	}
}

// TestWatchEndsWhileItPauses between two connections.
func TestWatchEndsWhileItPauses(t *testing.T) {
	s := newServer(t, says(http.StatusServiceUnavailable, ""))
	ctx, cancel := context.WithCancel(t.Context())
	o := client.Options{Reconnect: time.Hour, OnBreak: func(error) { cancel() }}
	err := s.client(t, o).Watch(ctx, revocast.Position{}, func(revocast.Event) error { return nil })
	if !errors.Is(err, context.Canceled) || len(s.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.requests()))
	}
}

// TestStatusWithBadPositions is an error, and no status.
func TestStatusWithBadPositions(t *testing.T) {
	for _, body := range []string{
		`[]`, `{"workers":[{"worker":"w","position":"nowhere"}]}`, `{"ledger":{"position":"nowhere"}}`,
	} {
		st, err := newServer(t, says(200, body)).client(t, client.Options{}).Status(t.Context())
		if err == nil || len(st.Workers) != 0 {
			t.Errorf("%s: %+v", body, st)
		}
	}
}

// TestBansAreRead, or are an error where the server says something else.
func TestBansAreRead(t *testing.T) {
	const key = "01000000000000000000000000000000"
	for body, ok := range map[string]bool{
		`{"bans":[],"next":"n"}`:            true,
		`{"bans":[{"key":"short"}]}`:        false,
		`[]`:                                false,
		`{"bans":[{"key":"` + key + `0"}]}`: false,
	} {
		page, err := newServer(t, says(200, body)).client(t, client.Options{}).Bans(t.Context(), "")
		if (err == nil) != ok || ok && page.Next != "n" || !ok && (page.Bans != nil || page.Next != "") {
			t.Errorf("%s: %+v, %v", body, page, err)
		}
	}
}

// TestAwaitEnds with what was known last when the context ends, and without it with the error.
func TestAwaitEnds(t *testing.T) {
	committed := strings.ReplaceAll(receipt, "confirmed", "committed")
	for _, first := range []string{committed, ""} {
		ctx, cancel := context.WithCancel(t.Context())
		s := newServer(t, says(200, committed), func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		if first == "" {
			s = newServer(t, func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
		}
		got, err := s.client(t, client.Options{}).Await(ctx, revocast.Position{Epoch: 1, Rev: 42})
		if first == "" && (err == nil || errors.Is(err, revocast.ErrPending) || !got.Position.IsZero()) {
			t.Errorf("nothing was known: %+v, %v", got, err)
		}
		if first != "" && (!errors.Is(err, revocast.ErrPending) || got.Position.Rev != 42) {
			t.Errorf("committed: %+v, %v", got, err)
		}
		cancel()
	}
	s := newServer(t, says(200, committed), refuses(revocast.ErrNotFound))
	_, err := s.client(t, client.Options{}).Await(t.Context(), revocast.Position{Epoch: 1, Rev: 42})
	if !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("refused: %v", err)
	}
}
