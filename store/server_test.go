package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func principal(name string) revocast.Event {
	return revocast.Event{
		Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal,
		Key: revocast.KeyOf("store", revocast.ScopePrincipal, "issuer", name),
	}
}

func commit(t testing.TB, l port.Ledger, id string, proposals ...revocast.Event) port.Commit {
	t.Helper()
	c, err := l.Commit(within(t, 10*time.Second), id, proposals)
	must(t, err)
	return c
}

func TestRestartIsNoticed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	server := storetest.Redis(t)
	l := newLedger(t, server.Client(), store.Options{})
	must(t, storetest.Start(ctx, l, 1))
	c := commit(t, l, "a", principal("alice"))
	before, err := l.Describe(ctx)
	must(t, err)

	server.Restart()
	if _, err := l.Check(ctx, nil); !errors.Is(err, revocast.ErrRecovering) {
		t.Fatalf("Check after a restart: %v, want ErrRecovering", err)
	}
	d, err := l.Describe(ctx)
	must(t, err)
	if d.Position.Epoch != 2 || d.Server == before.Server {
		t.Errorf("after a restart: epoch %d on %s, before 1 on %s", d.Position.Epoch, d.Server, before.Server)
	}
	must(t, storetest.Reopen(ctx, l))
	checked, err := l.Check(ctx, []revocast.Key{c.Entries[0].Event.Key})
	must(t, err)
	if checked.States[0].IsZero() {
		t.Error("what was in the append-only file is gone")
	}
}

func TestUnreachable(t *testing.T) {
	ctx := within(t, 30*time.Second)
	server := storetest.Redis(t, "--requirepass", "right")
	for what, c := range map[string]struct{ url, text string }{
		"wrong password":     {"redis://:wrong@" + server.Addr(), "password is wrong"},
		"no password":        {server.URL(), "wants a password"},
		"connection refused": {"redis://127.0.0.1:1", "refused"},
	} {
		l, err := store.Open(c.url, "r", store.Options{})
		must(t, err)
		_, err = l.Preflight(ctx)
		if !errors.Is(err, revocast.ErrUnavailable) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: Preflight: %v, want ErrUnavailable with %q", what, err, c.text)
		}
		_, err = l.Commit(ctx, "a", []revocast.Event{principal("alice")})
		if !errors.Is(err, revocast.ErrUnavailable) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: Commit: %v, want ErrUnavailable with %q", what, err, c.text)
		}
		must(t, l.Close())
		must(t, l.Close())
	}
	l, err := store.Open("redis://:right@"+server.Addr(), "r", store.Options{})
	must(t, err)
	defer l.Close()
	if _, err := l.Preflight(ctx); err != nil {
		t.Errorf("right password: %v", err)
	}
}

// TestFrozenServer: a server that is there and does not answer.
func TestFrozenServer(t *testing.T) {
	server := storetest.Redis(t)
	l := newLedger(t, server.Client(), store.Options{})
	must(t, storetest.Start(within(t, 10*time.Second), l, 1))
	must(t, suspend(server.PID()))
	defer resume(server.PID())

	const patience = 200 * time.Millisecond
	began := time.Now()
	_, err := l.Check(within(t, patience), []revocast.Key{{1}})
	if !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Check: %v, want ErrUnavailable", err)
	}
	_, err = l.Commit(within(t, patience), "a", []revocast.Event{principal("alice")})
	if !errors.Is(err, revocast.ErrOutcomeUnknown) {
		t.Errorf("Commit: %v, want ErrOutcomeUnknown", err)
	}
	if took := time.Since(began); took > store.IOTimeout {
		t.Errorf("two calls with %v each took %v", patience, took)
	}
}

// TestOneRecordForAllTokens: a principal who is cut off leaves one state, however many tokens there
// are.
func TestOneRecordForAllTokens(t *testing.T) {
	server := storetest.Redis(t)
	rdb := server.Client()
	l := newLedger(t, rdb, store.Options{})
	ctx := within(t, 10*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	commit(t, l, "first", principal("bob")) // makes the log
	before := rdb.DBSize(ctx).Val()
	commit(t, l, "second", principal("alice"))
	if added := rdb.DBSize(ctx).Val() - before; added != 2 { // the state, and the answer under the idempotency key
		t.Errorf("cutting off a user added %d Redis keys, want 2", added)
	}
}

// TestStatesDoNotExpire: Redis drops no state by its own clock. It may forget answers.
func TestStatesDoNotExpire(t *testing.T) {
	server := storetest.Redis(t)
	rdb := server.Client()
	l, err := store.New(rdb, "expiry", store.Options{RememberFor: 90 * time.Second})
	must(t, err)
	ctx := within(t, 10*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	alice, old := principal("alice"), principal("bob")
	commit(t, l, "a", alice)
	state := func(k revocast.Key) string { return "{rv:expiry}:s:" + k.String() }
	// as an earlier version left it
	must(t, rdb.HSet(ctx, state(old.Key), "c", 1, "u", alice.Until, "e", 1, "r", 1).Err())
	must(t, rdb.PExpire(ctx, state(old.Key), time.Hour).Err())
	commit(t, l, "b", old)
	for _, e := range []revocast.Event{alice, old} {
		if ttl := rdb.TTL(ctx, state(e.Key)).Val(); ttl != -1 {
			t.Errorf("a state expires in %v", ttl)
		}
	}
	keys, err := rdb.Keys(ctx, "{rv:expiry}:i:*").Result()
	must(t, err)
	for _, k := range keys {
		if ttl := rdb.TTL(ctx, k).Val(); ttl <= 80*time.Second || ttl > 90*time.Second {
			t.Errorf("an answer is remembered for %v, want 90 s", ttl)
		}
	}
	if len(keys) != 2 {
		t.Errorf("%d answers are remembered, want 2", len(keys))
	}
}

// TestLogMaxAge: the log is trimmed by age too.
func TestLogMaxAge(t *testing.T) {
	server := storetest.Redis(t)
	l := newLedger(t, server.Client(), store.Options{LogMaxAge: time.Millisecond})
	ctx := within(t, 10*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	commit(t, l, "a", principal("alice"))
	commit(t, l, "b", principal("bob"))
	if _, err := l.Acked(ctx, 1, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	must(t, storetest.Eventually(ctx, func() error {
		if _, err := l.Acked(ctx, 1, nil); err != nil {
			return err
		}
		if d, err := l.Describe(ctx); err != nil || d.Trimmed.Rev != 1 {
			return errors.New("not trimmed yet")
		}
		return nil
	}))
	if _, err := l.Log(ctx, revocast.Position{Epoch: 1, Rev: 1}, 10); err != nil {
		t.Errorf("what is not durable was trimmed: %v", err)
	}
}
