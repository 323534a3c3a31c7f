package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/problem"
)

// streams sends a text as an event stream and closes it; last has to be the
// Last-Event-ID of the request.
func streams(t *testing.T, last, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Last-Event-ID"); got != last || r.URL.Path != "/v1/events" {
			t.Errorf("%s resumes at %q, want %q", r.URL, got, last)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, text)
	}
}

func event(rev int) string {
	return fmt.Sprintf("id: 1-%d\ndata: {\"position\":\"1-%d\",\"kind\":\"revoked\",\"scope\":\"all\","+
		"\"key\":\"01000000000000000000000000000000\",\"outright\":true}\n\n", rev, rev)
}

var errEnough = errors.New("enough")

// watch collects the positions of n events.
func watch(
	t *testing.T, s *server, o client.Options, after revocast.Position, n int,
) (got []string, broken []error, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	o.Reconnect, o.OnBreak = time.Millisecond, func(err error) { broken = append(broken, err) }
	err = s.client(t, o).Watch(ctx, after, func(e revocast.Event) error {
		if e.Kind != revocast.KindRevoked || e.Scope != revocast.ScopeAll || e.Key != (revocast.Key{1}) ||
			e.CutOff != revocast.Forever {
			t.Errorf("got %+v", e)
		}
		if got = append(got, e.Position.String()); len(got) == n {
			return errEnough
		}
		return nil
	})
	return got, broken, err
}

// TestWatchResumes goes through the ways in which a stream breaks: none of them
// loses an event or brings one twice.
func TestWatchResumes(t *testing.T) {
	s := newServer(
		t,
		streams(t, "", "id: 1-4\nretry: 1000\n\n"),                // broken before the first event
		streams(t, "1-4", "id: 1-4\n\n: still here\n\n"+event(5)), // after an event
		streams(t, "1-5", "id: 1-5\n\n"+event(6)+event(7)[:20]),   // in the middle of one
		streams(t, "1-6", event(7)+"event: problem\ndata: {\"type\":\""+problem.Base+
			"unavailable\",\"title\":\"x\",\"status\":503}\n\n"),
		refuses(revocast.ErrRecovering),
		streams(t, "1-7", event(8)),
	)
	got, broken, err := watch(t, s, client.Options{Token: "t"}, revocast.Position{}, 4)
	if !errors.Is(err, errEnough) || strings.Join(got, " ") != "1-5 1-6 1-7 1-8" {
		t.Errorf("%v, %v", got, err)
	}
	if len(broken) != 5 || !errors.Is(broken[3], revocast.ErrUnavailable) ||
		!errors.Is(broken[4], revocast.ErrRecovering) {
		t.Errorf("broke off with %v", broken)
	}
	if auth := s.requests()[0].auth; auth != "Bearer t" {
		t.Errorf("authorized by %q", auth)
	}
}

func TestWatchFromAPosition(t *testing.T) {
	s := newServer(t, streams(t, "1-41", event(42)))
	got, _, err := watch(t, s, client.Options{}, revocast.Position{Epoch: 1, Rev: 41}, 1)
	if !errors.Is(err, errEnough) || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWatchGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"trimmed": {refuses(revocast.ErrTrimmed), revocast.ErrTrimmed},
		"trimmed inside": {says(
			200, "event: problem\ndata: {\"type\":\""+problem.Base+"trimmed\",\"title\":\"x\",\"status\":410}\n\n",
		), revocast.ErrTrimmed},
		"refused":       {refuses(revocast.ErrMissingToken), revocast.ErrMissingToken},
		"no kind known": {says(200, strings.ReplaceAll(event(1), "revoked", "forgiven")), revocast.ErrInvalid},
	} {
		s := newServer(t, c.handler)
		_, broken, err := watch(t, s, client.Options{}, revocast.Position{}, 1)
		if !errors.Is(err, c.want) || len(broken) != 0 || len(s.requests()) != 1 {
			t.Errorf("%s: %v after %v", name, err, broken)
		}
	}
}

func TestWatchEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		streams(t, "", "id: 1-4\n\n")(w, r)
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	})
	err := s.client(t, client.Options{}).Watch(ctx, revocast.Position{}, func(revocast.Event) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWatchCanaries: Watch asks for canaries too, each time that it connects.
func TestWatchCanaries(t *testing.T) {
	asked := func(last, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery != "canary=1" {
				t.Errorf("asked for %s", r.URL)
			}
			streams(t, last, text)(w, r)
		}
	}
	s := newServer(t, asked("", event(1)), asked("1-1", "id: 1-2\n\n"), asked("1-2", event(3)))
	got, _, err := watch(t, s, client.Options{Canaries: true}, revocast.Position{}, 2)
	if !errors.Is(err, errEnough) || strings.Join(got, " ") != "1-1 1-3" {
		t.Errorf("%v, %v", got, err)
	}
}
