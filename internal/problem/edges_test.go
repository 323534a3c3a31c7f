package problem_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/problem"
)

// TestErrorText: a detail stands after the title, and nothing does where there is none.
func TestErrorText(t *testing.T) {
	for _, c := range []struct{ detail, want string }{{"", "Not found"}, {"no such ban", "Not found: no such ban"}} {
		p := problem.New(http.StatusNotFound, "not-found", "Not found", c.detail)
		if got := p.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestRetryAfter: whole seconds, never fewer than asked for, and none where nothing is asked for.
func TestRetryAfter(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		0: "", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", 5 * time.Second: "5",
	} {
		p := problem.New(http.StatusServiceUnavailable, "s", "t", "")
		p.RetryAfter = wait
		w := httptest.NewRecorder()
		problem.Write(w, p)
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%s: Retry-After %q, want %q", wait, got, want)
		}
		if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
			t.Errorf("Content-Length %s of %d bytes", got, w.Body.Len())
		}
	}
}

// TestEarlyHints: an interim answer is no answer, so a panic after it still gets one.
func TestEarlyHints(t *testing.T) {
	for status, cut := range map[int]bool{http.StatusEarlyHints: false, http.StatusOK: true} {
		h := problem.Recover(slog.New(slog.DiscardHandler),
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				panic("afterwards")
			}))
		w := &statuses{ResponseWriter: httptest.NewRecorder()}
		func() {
			defer func() {
				if err, _ := recover().(error); errors.Is(err, http.ErrAbortHandler) != cut {
					t.Errorf("after %d: %v, want the connection cut: %v", status, err, cut)
				}
			}()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		}()
		if answered := w.last == http.StatusInternalServerError; answered == cut {
			t.Errorf("after %d the last status is %d", status, w.last)
		}
	}
}

type statuses struct {
	http.ResponseWriter
	last int
}

func (s *statuses) WriteHeader(status int) { s.last = status }

// TestClippedDetail: what just fits stays as it is.
func TestClippedDetail(t *testing.T) {
	for length, want := range map[int]int{1024: 1024, 1025: 1024 + len("…")} {
		if got := len(problem.NotReady(strings.Repeat("x", length)).Detail); got != want {
			t.Errorf("%d bytes become %d, want %d", length, got, want)
		}
	}
}
