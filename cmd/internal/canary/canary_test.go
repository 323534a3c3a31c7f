package canary_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/canary"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

func TestMain(m *testing.M) { leak.Main(m) }

// realm answers a canary, and says what it was asked.
type realm struct {
	mu                  sync.Mutex // guards the rest
	state               port.LedgerState
	elsewhere           bool // another process has the turn
	revokeErr, awaitErr error
	asked               string
	revoked             revocast.Revocation
	told                []canary.Result
}

func (r *realm) Describe(context.Context) (port.Description, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return port.Description{State: r.state, Terms: port.DefaultTerms()}, nil
}

func (r *realm) Turn(_ context.Context, _, _ string, d time.Duration) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.elsewhere && d > time.Second, nil
}

func (r *realm) Revoke(ctx context.Context, v revocast.Revocation, _ ...revocast.CallOption) (revocast.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, limited := ctx.Deadline(); !limited {
		return revocast.Receipt{}, errors.New("without a deadline")
	}
	r.asked, r.revoked = r.asked+"revoke ", v
	return revocast.Receipt{Position: revocast.Position{Epoch: 1, Rev: 7}, Took: time.Millisecond}, r.revokeErr
}

func (r *realm) Await(_ context.Context, at revocast.Position) (revocast.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked += "await " + at.String() + " "
	return revocast.Receipt{}, r.awaitErr
}

func (r *realm) observe(result canary.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, result)
}

// TestCanary revokes in its turn while the ledger serves, and one at a time: the next one waits
// until the one before is confirmed.
func TestCanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &realm{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- canary.New(r, r, time.Second, r.observe, slog.New(slog.NewTextHandler(io.Discard, nil))).Run(ctx)
		}()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		<-time.After(time.Millisecond)
		after := func(set func(), want string, wantErr ...error) {
			t.Helper()
			r.mu.Lock()
			set()
			r.asked, r.told = "", nil
			r.mu.Unlock()
			<-time.After(time.Second)
			synctest.Wait()
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.asked != want || len(r.told) != len(wantErr) ||
				len(wantErr) > 0 && !errors.Is(r.told[0].Err, wantErr[0]) {
				t.Errorf("asked %q, told %+v; want %q, %v", r.asked, r.told, want, wantErr)
			}
		}
		after(func() { r.state = port.LedgerRecovering }, "")
		after(func() { r.state, r.elsewhere = port.LedgerOpen, true }, "")
		after(func() { r.elsewhere = false }, "revoke ", nil)
		if len(r.told) == 1 && r.told[0].Took != time.Millisecond {
			t.Errorf("told %+v", r.told)
		}
		if e := (revocast.Event{
			Kind: revocast.KindRevoked, Scope: r.revoked.Scope, Cause: r.revoked.Cause,
		}); !publisherapi.IsCanary(e) {
			t.Errorf("revoked %+v, which counts as no canary", r.revoked)
		}
		pending := revocast.ErrPending
		after(func() { r.revokeErr, r.awaitErr = pending, pending }, "revoke ", pending)
		after(func() {}, "await 1-7 ", pending)
		after(func() { r.awaitErr = revocast.ErrNotFound }, "await 1-7 revoke ", pending)
		after(func() { r.revokeErr, r.awaitErr = revocast.ErrUnavailable, nil }, "await 1-7 revoke ",
			revocast.ErrUnavailable)
		after(func() {}, "revoke ", revocast.ErrUnavailable) // what failed is not waited for
	})
}

// TestTurns: the processes of one realm make one canary between them, which takes the way of every
// revocation and warns of nothing.
func TestTurns(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		w.Accepting("w", fleettest.Issuer)
		results := make(chan canary.Result, 100)
		doubtful := uint64(0)
		var publishers []*publisher.Publisher
		for _, name := range []string{"a", "b"} {
			p := w.ColdPublisherWith(name, publisher.Options{})
			publishers = append(publishers, p.Publisher)
			c := canary.New(p, p.Ledger, 5*time.Second, func(r canary.Result) { results <- r }, fleettest.Logger())
			w.Run(c.Run)
		}
		fleettest.Elapse(61 * time.Second)
		if n := len(results); n < 10 || n > 12 {
			t.Errorf("%d canaries in a minute, want about 12 of both publishers together", n)
		}
		if r := <-results; r.Err != nil || r.Workers.Confirmed != 1 {
			t.Errorf("%+v", r)
		}
		for _, p := range publishers {
			doubtful += p.Stats().Doubtful
		}
		if doubtful > 0 {
			t.Errorf("%d doubtful", doubtful)
		}
	})
}

// TestOneAtATime: canaries that wait for JetStream do not use up the calls that may be open.
func TestOneAtATime(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.ColdPublisherWith("p", publisher.Options{MaxOpen: 50})
		w.Run(canary.New(p, p.Ledger, time.Second, func(canary.Result) {}, fleettest.Logger()).Run)
		w.Await(p.Readiness())
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		fleettest.Elapse(10 * time.Minute)
		ctx, cancel := fleettest.Within(5 * time.Second)
		defer cancel()
		began := time.Now()
		if _, err := p.Revoke(ctx, fleettest.RevokeAlice()); !errors.Is(err, revocast.ErrPending) ||
			time.Since(began) < 5*time.Second {
			w.T.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
