package sidecarapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sidecarapi"
)

// fixed gives the same verdict to every bearer, without any work.
type fixed struct {
	claims  *revocast.Claims
	verdict revocast.Verdict
}

func (f fixed) Check(context.Context, string) (*revocast.Claims, revocast.Verdict) {
	return f.claims, f.verdict
}

// discard is an answer that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func newFixed(o revocast.Outcome) http.Handler {
	return sidecarapi.New(sidecarapi.Deps{Guard: fixed{
		&revocast.Claims{Principal: "alice", Session: "sid"},
		revocast.Verdict{Outcome: o, Position: revocast.Position{Epoch: 1, Rev: 42}},
	}, Ready: func() error { return nil }}, sidecarapi.Options{})
}

func run(h http.Handler) func() {
	r := httptest.NewRequest(http.MethodGet, "/check", nil)
	r.Header.Set("Authorization", "Bearer token")
	w := &discard{header: make(http.Header, 8)}
	return func() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkCheck measures what the interface adds to a check, without net/http.
func BenchmarkCheck(b *testing.B) {
	for _, o := range []revocast.Outcome{revocast.Allowed, revocast.Revoked, revocast.Unknown} {
		b.Run(o.String(), func(b *testing.B) {
			once := run(newFixed(o))
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

// TestCheckIsLean keeps the allocations of /check in view: the writer that knows
// whether an answer has begun, and for an allowed one the position and the values of
// its headers.
func TestCheckIsLean(t *testing.T) {
	for o, most := range map[revocast.Outcome]float64{revocast.Allowed: 3, revocast.Revoked: 1, revocast.Unknown: 1} {
		if got := testing.AllocsPerRun(1000, run(newFixed(o))); got > most {
			t.Errorf("%s: %v allocations, at most %v", o, got, most)
		}
	}
}
