package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/problem"
)

func TestMain(m *testing.M) { leak.Main(m) }

// rows is what the outside relies on.
func rows() map[string]struct {
	err    error
	status int
	slug   string
} {
	type row = struct {
		err    error
		status int
		slug   string
	}
	return map[string]row{
		"ErrInvalid":        {revocast.ErrInvalid, 400, "invalid-request"},
		"ErrConflict":       {revocast.ErrConflict, 409, "conflict"},
		"ErrNotFound":       {revocast.ErrNotFound, 404, "not-found"},
		"ErrStreamLost":     {revocast.ErrStreamLost, 503, "stream-lost"},
		"ErrTrimmed":        {revocast.ErrTrimmed, 410, "trimmed"},
		"ErrUnavailable":    {revocast.ErrUnavailable, 503, "unavailable"},
		"ErrOutcomeUnknown": {revocast.ErrOutcomeUnknown, 503, "outcome-unknown"},
		"ErrPending":        {revocast.ErrPending, 503, "pending"},
		"ErrNotRunning":     {revocast.ErrNotRunning, 503, "not-running"},
		"ErrUninitialised":  {revocast.ErrUninitialised, 503, "uninitialised"},
		"ErrRecovering":     {revocast.ErrRecovering, 503, "recovering"},
		"ErrFenced":         {revocast.ErrFenced, 503, "fenced"},
		"ErrEpoch":          {revocast.ErrEpoch, 503, "epoch-changed"},
		"ErrUnsuited":       {revocast.ErrUnsuited, 503, "unsuited"},
		"ErrNames":          {revocast.ErrNames, 503, "other-names"},
		"ErrUnknown":        {revocast.ErrUnknown, 503, "revocation-unknown"},
		"ErrToken":          {revocast.ErrToken, 401, "token-refused"},
		"ErrMalformed":      {revocast.ErrMalformed, 401, "malformed-token"},
		"ErrSignature":      {revocast.ErrSignature, 401, "bad-signature"},
		"ErrExpired":        {revocast.ErrExpired, 401, "expired"},
		"ErrNotYetValid":    {revocast.ErrNotYetValid, 401, "not-yet-valid"},
		"ErrClaims":         {revocast.ErrClaims, 401, "bad-claims"},
		"ErrMissingToken":   {revocast.ErrMissingToken, 401, "missing-token"},
		"ErrBanned":         {revocast.ErrBanned, 401, "banned"},
		"ErrRevoked":        {revocast.ErrRevoked, 401, "revoked"},
	}
}

func TestFrom(t *testing.T) {
	for name, row := range rows() {
		t.Run(name, func(t *testing.T) {
			p := problem.From(fmt.Errorf("in %w: the reason", row.err))
			if p.Status != row.status || p.Type != "urn:revocast:problem:"+row.slug {
				t.Errorf("got %d %s, want %d %s", p.Status, p.Type, row.status, row.slug)
			}
			if p.Title == "" || p.Detail != "in the reason" {
				t.Errorf("title %q, detail %q", p.Title, p.Detail)
			}
			if (p.Status == http.StatusServiceUnavailable) != (p.RetryAfter > 0) {
				t.Errorf("status %d with Retry-After %s", p.Status, p.RetryAfter)
			}
			if back := problem.Sentinel(p.Type); back != row.err {
				t.Errorf("Sentinel(%q) = %v", p.Type, back)
			}
		})
	}
}

// TestEverySentinel reads the root package's source: a new sentinel needs a row.
func TestEverySentinel(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, name := range spec.Names {
			if strings.HasPrefix(name.Name, "Err") {
				found++
				if _, ok := rows()[name.Name]; !ok {
					t.Errorf("no row for %s", name.Name)
				}
			}
		}
		return true
	})
	if found != len(rows()) {
		t.Errorf("found %d sentinels, want %d", found, len(rows()))
	}
}

// TestBanned: a ban comes beside the revocation, and is the better answer.
func TestBanned(t *testing.T) {
	p := problem.From(fmt.Errorf("%w: %w: by its principal", revocast.ErrRevoked, revocast.ErrBanned))
	if p.Type != problem.Base+"banned" {
		t.Errorf("got %+v", p)
	}
}

func TestOutcomeUnknownSaysWhatToDo(t *testing.T) {
	p := problem.From(revocast.ErrOutcomeUnknown)
	if !strings.Contains(p.Hint, "same Idempotency-Key") {
		t.Errorf("hint %q", p.Hint)
	}
}

func TestUnknownErrorsKeepTheirText(t *testing.T) {
	p := problem.From(errors.New("password hunter2"))
	if p.Status != http.StatusInternalServerError || strings.Contains(p.Error(), "hunter2") {
		t.Errorf("got %+v", p)
	}
}

func TestDeadline(t *testing.T) {
	if p := problem.From(fmt.Errorf("x: %w", context.DeadlineExceeded)); p.Status != http.StatusServiceUnavailable {
		t.Errorf("got %+v", p)
	}
}

func TestProblemPassesThrough(t *testing.T) {
	want := problem.New(http.StatusTeapot, "tea", "Tea", "").WithHint("coffee")
	if got := problem.From(fmt.Errorf("x: %w", want)); got != want {
		t.Errorf("got %+v", got)
	}
}

func TestLongDetailIsClipped(t *testing.T) {
	p := problem.From(fmt.Errorf("%w: %s", revocast.ErrInvalid, strings.Repeat("é", 4000)))
	if len(p.Detail) > 1100 || strings.ContainsRune(p.Detail, '\uFFFD') {
		t.Errorf("%d bytes: %q", len(p.Detail), p.Detail[1000:])
	}
}

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	p := problem.New(http.StatusServiceUnavailable, "x", "X", "d").WithHint("h")
	p.RetryAfter = 1500 * time.Millisecond
	problem.Write(w, p)
	want := `{"type":"urn:revocast:problem:x","title":"X","status":503,"detail":"d","hint":"h"}` + "\n"
	if w.Code != 503 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/problem+json", "Retry-After": "2", "Cache-Control": "no-store",
	} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

func TestRecover(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	h := problem.Recover(logger, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		panic("secret plan")
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 500 || p.Status != 500 {
		t.Errorf("%d %s %v", w.Code, w.Body, err)
	}
	if strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret plan") {
		t.Errorf("body %s, log %s", w.Body, &log)
	}
}

func TestRecoverCutsABegunAnswer(t *testing.T) {
	for name, cause := range map[string]any{"begun": "boom", "aborted": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			h := problem.Recover(slog.New(slog.DiscardHandler),
				http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if name == "begun" {
						_, _ = w.Write([]byte("part"))
					}
					panic(cause)
				}))
			defer func() {
				if got := recover(); got != http.ErrAbortHandler {
					t.Errorf("recovered %v", got)
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		})
	}
}
