package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// fence is the shortest that replicas' acknowledgements, one a second, allow for.
const fence = store.MinFence

// link carries bytes between two servers until it is cut: from then on it swallows them
// and closes nothing, as a network that is gone.
type link struct {
	listener net.Listener
	target   string
	cut      chan struct{}
	over     chan struct{}
	wg       sync.WaitGroup
}

func newLink(t testing.TB, target string) *link {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	k := &link{listener: l, target: target, cut: make(chan struct{}), over: make(chan struct{})}
	k.wg.Go(k.accept)
	t.Cleanup(func() {
		l.Close()
		close(k.over)
		k.wg.Wait()
	})
	return k
}

func (k *link) accept() {
	for {
		a, err := k.listener.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", k.target)
		if err != nil {
			a.Close()
			continue
		}
		k.wg.Go(func() { k.carry(a, b) })
		k.wg.Go(func() { k.carry(b, a) })
		k.wg.Go(func() {
			<-k.over
			a.Close()
			b.Close()
		})
	}
}

func (k *link) carry(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-k.cut:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if err != nil {
			to.Close()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// pair is a primary that stops without its replica, and a ledger on it.
type pair struct {
	primary, replica *storetest.Server
	link             *link
	ledger           *store.Ledger
	rdb              redis.UniversalClient
}

func newPair(t testing.TB) *pair {
	ctx := within(t, 30*time.Second)
	p := &pair{primary: storetest.Redis(t, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "1",
		"--repl-diskless-sync-delay", "0")}
	p.link = newLink(t, p.primary.Addr())
	host, port, _ := strings.Cut(p.link.listener.Addr().String(), ":")
	p.replica = storetest.Redis(t, "--replicaof", host+" "+port)
	// Its clients wait while it is stopped.
	l, err := store.Open(p.primary.URL()+"?read_timeout=1m", "pair", store.Options{})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	p.ledger, p.rdb = l, p.primary.Client()
	terms := storetest.Terms()
	terms.Fence = fence
	must(t, storetest.Eventually(ctx, func() error { return l.Begin(ctx, 1, terms) }))
	must(t, storetest.Reopen(ctx, l))
	must(t, storetest.Eventually(ctx, func() error { return p.check(ctx) }))
	return p
}

func (p *pair) check(ctx context.Context) error {
	_, err := p.ledger.Check(ctx, nil)
	return err
}

// every50 calls f every 50 ms for d.
func every50(d time.Duration, f func()) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-ticker.C {
		f()
	}
}

// TestPrimaryWithReplica: it serves without a break while its replica follows, and ends
// within the fence when the replica is cut off.
func TestPrimaryWithReplica(t *testing.T) {
	t.Parallel() // it waits most of the time
	p := newPair(t)
	ctx := within(t, 30*time.Second)
	longest := int64(0)
	every50(4*time.Second, func() {
		if err := p.check(ctx); err != nil {
			t.Errorf("with its replica: %v", err)
		}
		var server string
		var heard int64
		text := p.rdb.HGet(ctx, "{rv:pair}:m:default", "heard").Val()
		_, err := fmt.Sscan(text, &server, &heard)
		must(t, err)
		if heard > 0 { // 0: the first question is open
			longest = max(longest, time.Now().UnixMilli()-heard)
		}
	})
	t.Logf("it was at most %d ms since a replica had been heard of", longest)
	// Redis' own check would end it sooner.
	must(t, p.rdb.ConfigSet(ctx, "min-replicas-to-write", "0").Err())
	close(p.link.cut)
	began := time.Now()
	var last time.Duration
	every50(fence+time.Second, func() {
		sent := time.Since(began)
		if err := p.check(ctx); err == nil {
			last = sent
		} else if !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("cut off: %v, want ErrUnavailable", err)
		}
	})
	t.Logf("a primary that is cut off served for %v", last)
	if last > fence {
		t.Errorf("a primary that is cut off served for %v, the fence is %v", last, fence)
	}
	// the way out for an operator who has no replicas any more
	if err := p.ledger.SetTerms(ctx, storetest.Terms()); err != nil {
		t.Errorf("SetTerms: %v", err)
	}
	must(t, p.check(ctx))
}

// TestStoppedPrimary: it is stopped for longer than the fence with requests in its
// sockets, and acknowledgements that the replica sent before it was promoted.
func TestStoppedPrimary(t *testing.T) {
	t.Parallel() // it waits most of the time
	p := newPair(t)
	ctx := within(t, time.Minute)
	must(t, suspend(p.primary.PID()))
	woken := false
	wake := func() {
		if !woken {
			must(t, resume(p.primary.PID()))
		}
		woken = true
	}
	defer wake()
	<-time.After(1500 * time.Millisecond) // an acknowledgement a second
	close(p.link.cut)
	must(t, p.replica.Client().SlaveOf(ctx, "NO", "ONE").Err())

	bare := make(chan error, 1)
	go func() {
		c := redis.NewClient(&redis.Options{Addr: p.primary.Addr(), ReadTimeout: time.Minute, MaxRetries: -1})
		defer c.Close()
		bare <- c.Eval(ctx, "#!lua\nreturn redis.call('INCR', KEYS[1])", []string{"bare"}).Err()
	}()
	answers := make(chan error, 3)
	for _, step := range []func() error{
		func() error { return p.check(ctx) },
		func() error {
			_, err := p.ledger.Commit(ctx, "a", []revocast.Event{principal("alice")})
			return err
		},
		func() error {
			_, err := p.ledger.Verify(ctx, 1)
			return err
		},
	} {
		go func() { answers <- step() }()
	}
	<-time.After(fence)
	wake()
	for range cap(answers) {
		if err := <-answers; !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("sent while it was stopped: %v, want ErrUnavailable", err)
		}
	}
	t.Logf("a bare script that was sent while it was stopped: %v", <-bare)
	every50(2*time.Second, func() {
		if err := p.check(ctx); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("after it woke: %v, want ErrUnavailable", err)
		}
	})
}
