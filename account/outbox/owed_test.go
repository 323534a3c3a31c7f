package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/store/storetest"
)

// TestWhatNobodyWouldTakeIsNotOwed, and the error says which item it is.
func TestWhatNobodyWouldTakeIsNotOwed(t *testing.T) {
	o := open(t, storetest.Embedded(t).Client(), "test", &recorder{})
	for says, items := range map[string][]outbox.Item{
		"nothing to owe": nil,
		"item 1":         {called("good"), {Scope: "session"}},
		"of kind":        {{Kind: "strange", Scope: "session", ID: "x"}},
		"item 0":         {{Kind: "invalidate", Scope: "tenant", ID: "x"}},
		`"galaxy"`:       {{Scope: "galaxy", ID: "x"}},
		"cut_off":        {{Scope: "principal", ID: "x", CutOff: "noon"}},
		"as_of":          {{Scope: "principal", ID: "x", AsOf: "0"}},
		"until":          {{Scope: "session", ID: "x", Until: "-1"}},
		"needs a cut":    {{Scope: "principal", ID: "x"}},
	} {
		err := o.Owe(t.Context(), "id", items)
		if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want ErrInvalid that says %q", err, says)
		}
	}
	wantPending(t, o, 0)
}

// picky is a publisher that refuses to invalidate what is called bad.
type picky struct{ *recorder }

func (p picky) Invalidate(ctx context.Context, i revocast.Invalidation,
	opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	if i.ID == "bad" {
		return revocast.Receipt{}, revocast.ErrInvalid
	}
	return p.recorder.Invalidate(ctx, i, opts...)
}

// TestRefusedInvalidationHoldsNothingBack: the ones after it are told.
func TestRefusedInvalidationHoldsNothingBack(t *testing.T) {
	pub := picky{&recorder{}}
	o := open(t, storetest.Embedded(t).Client(), "test", pub)
	item := func(id string) outbox.Item { return outbox.Item{Kind: "invalidate", Scope: "session", ID: id} }
	must(t, o.Owe(t.Context(), "id", []outbox.Item{item("bad"), item("good")}))
	if _, err := o.Complete(t.Context(), "id"); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid", err)
	}
	if _, invalidated := pub.told(); invalidated != 1 {
		t.Errorf("%d were told, want the good one", invalidated)
	}
	wantPending(t, o, 1)
}

// TestRedisIsGone: nothing counts as owed, told or over then.
func TestRedisIsGone(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	must(t, rdb.Close())
	o := open(t, rdb, "test", &recorder{})
	if err := o.Owe(t.Context(), "id", []outbox.Item{called("x")}); err == nil {
		t.Error("Owe: written to no Redis")
	}
	if _, err := o.Complete(t.Context(), "id"); err == nil {
		t.Error("Complete: nothing was owed")
	}
	if _, err := o.Pending(t.Context()); err == nil {
		t.Error("Pending: nothing is owed")
	}
}

// TestRunIsQuietWhereAllIsWell: a sweep that tells everything logs nothing.
func TestRunIsQuietWhereAllIsWell(t *testing.T) {
	var log bytes.Buffer
	s := storetest.Embedded(t)
	o, err := outbox.New(s.Client(), &recorder{}, outbox.Options{
		Every: time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(t, err)
	stop := run(t, o)
	for range 2 { // the second shows that the sweep of the first one is over
		must(t, o.Owe(t.Context(), "id", []outbox.Item{called("x")}))
		s.Advance(time.Minute)
		must(t, storetest.Eventually(within(t, 10*time.Second), func() error {
			if n, err := o.Pending(t.Context()); err != nil || n > 0 {
				return errors.Join(err, errors.New("still owed"))
			}
			return nil
		}))
	}
	stop()
	if log.Len() != 0 {
		t.Errorf("logged %q", log.String())
	}
}

// said has the first lines of a log.
type said chan string

func (s said) Write(line []byte) (int, error) {
	select {
	case s <- string(line):
	default:
	}
	return len(line), nil
}

// TestRunSaysThatRedisIsGone, and goes on.
func TestRunSaysThatRedisIsGone(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	must(t, rdb.Close())
	log := make(said, 1)
	o, err := outbox.New(rdb, &recorder{}, outbox.Options{
		Every: time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	must(t, err)
	run(t, o)
	select {
	case line := <-log:
		if !strings.Contains(line, "outbox: cannot be read") {
			t.Errorf("logged %q", line)
		}
	case <-within(t, 10*time.Second).Done():
		t.Error("logged nothing")
	}
}

// deaf is a publisher that hears of no confirmation.
type deaf struct {
	*recorder
	err error
}

func (d deaf) Await(context.Context, revocast.Position) (revocast.Receipt, error) {
	return revocast.Receipt{}, d.err
}

// TestConfirmationThatDoesNotCome: what another process has told is committed, and pending.
func TestConfirmationThatDoesNotCome(t *testing.T) {
	for _, cause := range []error{revocast.ErrPending, revocast.ErrNotFound, errors.New("down")} {
		rdb, pub := storetest.Embedded(t).Client(), &recorder{}
		must(t, open(t, rdb, "test", pub).Owe(t.Context(), "id", []outbox.Item{called("a"), called("b")}))
		first, err := open(t, rdb, "test", pub).Complete(t.Context(), "id")
		must(t, err)
		again, err := open(t, rdb, "test", deaf{pub, cause}).Complete(t.Context(), "id")
		if !errors.Is(err, revocast.ErrPending) || !errors.Is(err, cause) {
			t.Errorf("%v, want ErrPending because of %v", err, cause)
		}
		if len(first) != 2 || len(again) != 2 || again[1].Position != first[1].Position ||
			again[1].Strength != revocast.Committed {
			t.Errorf("receipts %+v and then %+v", first, again)
		}
		if revoked, _ := pub.told(); revoked != 2 {
			t.Errorf("%d were told", revoked)
		}
	}
}
