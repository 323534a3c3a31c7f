package sidecarapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/sidecarapi"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

// cutOff is a worker's ledger that can be made to answer nothing.
type cutOff struct {
	port.WorkerLedger
	gone atomic.Bool
}

func (c *cutOff) Renew(ctx context.Context, r port.Renewal) (port.Renewed, error) {
	if c.gone.Load() {
		return port.Renewed{}, revocast.ErrUnavailable
	}
	return c.WorkerLedger.Renew(ctx, r)
}

func (c *cutOff) Check(ctx context.Context, keys []revocast.Key) (port.Checked, error) {
	if c.gone.Load() {
		return port.Checked{}, revocast.ErrUnavailable
	}
	return c.WorkerLedger.Check(ctx, keys)
}

// anybody verifies each bearer as the principal of that name.
type anybody struct{}

func (anybody) Verify(_ context.Context, bearer string) (*revocast.Claims, error) {
	now := time.Now()
	return &revocast.Claims{
		Issuer: "i", Principal: bearer, Session: "s", IssuedAt: now, Expires: now.Add(time.Hour),
	}, nil
}

// newWorker is a worker with a lease of 200 ms, under a policy.
func newWorker(t *testing.T, policy string) (*cutOff, *sidecarapi.Handler) {
	t.Helper()
	conn, err := events.Connect(eventstest.NewServer(t).URL(), events.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	bus, err := events.New(conn, "r", events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := store.New(storetest.Embedded(t).Client(), "r", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	terms := port.DefaultTerms()
	terms.Lease = 200 * time.Millisecond
	if _, err := publisher.Init(t.Context(), ledger, bus, terms); err != nil {
		t.Fatal(err)
	}
	far := &cutOff{WorkerLedger: ledger}
	s := option.Must(
		worker.NewSubscriber(far, bus, option.Must(cache.New(cache.Options{})), worker.SubscriberOptions{Worker: "w"}),
	)
	running(t, s)
	granted, err := worker.ParsePolicy(policy)
	if err != nil {
		t.Fatal(err)
	}
	guard := option.Must(worker.NewGuard(s, anybody{}, worker.GuardOptions{Policy: granted}))
	return far, sidecarapi.New(sidecarapi.Deps{
		Guard: guard, WithPolicy: sidecarapi.Policies(guard), Ready: s.Ready,
	}, sidecarapi.Options{Policy: granted})
}

func running(t *testing.T, s *worker.Subscriber) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	wait, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := s.Readiness().Wait(wait); err != nil {
		t.Fatal(err)
	}
}

// TestPolicyOfARequest: while the ledger is gone, each request is treated as strictly as it asks
// for, and never more laxly than the worker grants.
func TestPolicyOfARequest(t *testing.T) {
	ledger, h := newWorker(t, "grace=1h")
	for _, target := range []string{"/check", "/check?policy=closed", "/check?policy=ask", "/check?policy=grace=1h"} {
		if w := check(h, target, "Bearer alice"); w.Code != 200 {
			t.Errorf("with a lease %s: %d", target, w.Code)
		}
	}
	ledger.gone.Store(true)
	eventstest.Await(t, "the lease and a millisecond have run out", func() bool {
		return check(h, "/check?policy=grace=1ms", "Bearer alice").Code == 503
	})
	for target, want := range map[string]int{
		"/check": 200, "/check?policy=grace=1h": 200, "/check?policy=grace%3D30m": 200, "/check?x=policy": 200,
		"/check?policy=closed": 503, "/check?policy=ask": 503, "/check?policy=closed&unknown=403": 403,
		"/check?unknown=403&policy=ask": 403,
		"/check?policy=grace=1h1ns":     400, "/check?policy=": 400, "/check?policy=maybe": 400,
		"/check?policy=grace=-1s":              400,
		"/check?policy=closed&policy=grace=1h": 400, "/check?policy=%zz": 400,
		// Below /check the query is the client's own.
		"/check/orders?policy=closed": 200, "/check/?policy=none": 200,
	} {
		w := check(h, target, "Bearer alice")
		if w.Code != want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, want %d, %v", target, w.Code, want, w.Header())
		}
	}
}

func TestPolicyOfAVerdict(t *testing.T) {
	ledger, h := newWorker(t, "grace=1h")
	check(h, "/check", "Bearer alice")
	ledger.gone.Store(true)
	eventstest.Await(t, "the lease has run out", func() bool { return check(h, "/readyz", "").Code == 503 })
	for policy, want := range map[string]struct{ verdict, detail string }{
		"grace=1h": {"allowed", ""}, "closed": {"unknown", "the policy is closed"}, "ask": {"unknown", "unavailable"},
	} {
		w := post(h, `{"token":"alice","policy":"`+policy+`"}`, "application/json")
		var v apitypes.Verdict
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", policy, w.Code, w.Body)
		}
		if v.Verdict != want.verdict || !strings.Contains(v.Detail, want.detail) {
			t.Errorf("%s: %+v", policy, v)
		}
	}
	for _, policy := range []string{`"grace=2h"`, `"maybe"`, `1`} {
		if w := post(h, `{"token":"alice","policy":`+policy+`}`, "application/json"); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", policy, w.Code, w.Body)
		}
	}
}

// TestNoGraceIsGranted: without a policy of grace no request gets any.
func TestNoGraceIsGranted(t *testing.T) {
	for _, own := range []string{"ask", "closed"} {
		_, h := newWorker(t, own)
		for target, want := range map[string]int{
			"/check?policy=grace=1ns": 400, "/check?policy=ask": 200, "/check?policy=closed": 200, "/check": 200,
		} {
			if w := check(h, target, "Bearer alice"); w.Code != want {
				t.Errorf("%s, %s: %d, want %d", own, target, w.Code, want)
			}
		}
	}
	fixedPolicy := newHandler(t, sidecarapi.Options{})
	if w := check(fixedPolicy, "/check?policy=closed", "Bearer good"); w.Code != 400 {
		t.Errorf("without other policies: %d", w.Code)
	}
}
