package publisherapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/publisherapi"
)

// slow is a publisher whose calls are pending until their context ends.
type slow struct{ *fake }

func (s slow) Revoke(ctx context.Context, _ revocast.Revocation, _ ...revocast.CallOption) (revocast.Receipt, error) {
	<-ctx.Done()
	return receipt(42, revocast.Committed), revocast.ErrPending
}

func (s slow) Await(ctx context.Context, _ revocast.Position) (revocast.Receipt, error) {
	<-ctx.Done()
	return receipt(42, revocast.Committed), revocast.ErrPending
}

// TestLeave: /readyz says immediately that the service stops, and nothing else changes.
func TestLeave(t *testing.T) {
	h := newHarness(t)
	h.want = revocast.Revocation{Scope: revocast.ScopeAll}
	h.handler.Leave()
	if w := h.do(http.MethodGet, "/readyz", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d", w.Code)
	}
	if w := h.do(http.MethodGet, "/healthz", ""); w.Code != http.StatusOK {
		t.Errorf("healthz: %d", w.Code)
	}
	if w := h.do(http.MethodPost, "/v1/revocations", `{"scope":"all","confirm":"all"}`); w.Code != http.StatusOK {
		t.Errorf("revocation: %d %s", w.Code, w.Body)
	}
	_, lines := h.open(t.Context(), "/v1/events")
	expect(t, lines, "id: 0-0")
}

// TestLastWait: requests that wait for confirmation are answered with the strength they have,
// before the server cuts its connections.
func TestLastWait(t *testing.T) {
	for target, method := range map[string]string{
		"/v1/revocations?wait=30s": "POST", "/v1/receipts/1-42?wait=30s": "GET",
	} {
		h := newHarness(t, func(d *publisherapi.Deps, o *publisherapi.Options) {
			d.Publisher, o.LastWait = slow{newFake(t)}, time.Millisecond
		})
		answered := make(chan int)
		go func() {
			body := ""
			if method == "POST" {
				body = `{"scope":"all","confirm":"all"}`
			}
			answered <- h.do(method, target, body).Code
		}()
		h.handler.Drain()
		select {
		case got := <-answered:
			if want := map[string]int{"POST": 202, "GET": 200}[method]; got != want {
				t.Errorf("%s: %d, want %d", target, got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s is not answered", target)
		}
	}
}
