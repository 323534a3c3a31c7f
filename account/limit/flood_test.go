package limit_test

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/store/storetest"
)

// together is a client that sends the scripts of many callers in one pipeline, so that a
// flood takes seconds.
type together struct {
	redis.UniversalClient
	mu sync.Mutex // guards pipe, which its first caller sends when nothing else is under way
	*batch
	sending sync.Mutex
}

type batch struct {
	pipe redis.Pipeliner
	done chan struct{}
}

func (c *together) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	c.mu.Lock()
	first := c.batch == nil
	if first {
		c.batch = &batch{pipe: c.Pipeline(), done: make(chan struct{})}
	}
	b := c.batch
	cmd := b.pipe.EvalSha(ctx, sha, keys, args...)
	c.mu.Unlock()
	if !first {
		<-b.done
		return cmd
	}
	c.sending.Lock() // others join meanwhile
	defer c.sending.Unlock()
	c.mu.Lock()
	c.batch = nil
	c.mu.Unlock()
	_, _ = b.pipe.Exec(ctx) // each command has its own error
	close(b.done)
	return cmd
}

func madeUp(n int) string { return "made up " + strconv.Itoa(n) }

// flood tries so many names once and returns how many were let through.
func flood(t *testing.T, l *limit.Limiter, names int, name func(n int) string, where func(n int) netip.Addr) int {
	t.Helper()
	var next, in atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for n := int(next.Add(1)); n <= names; n = int(next.Add(1)) {
				d, err := l.Begin(context.Background(), limit.Attempt{
					ID: "flood", Identifier: name(n), Address: where(n),
				})
				if err != nil {
					t.Error(err)
					return
				}
				if d.Allowed {
					in.Add(1)
				}
			}
		})
	}
	all.Wait()
	return int(in.Load())
}

func used(t *testing.T, rdb redis.UniversalClient) (keys, bytes int64) {
	t.Helper()
	info, err := rdb.Info(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory_dataset:")
	text, _, _ := strings.Cut(rest, "\r\n")
	if bytes, err = strconv.ParseInt(text, 10, 64); err != nil {
		t.Fatal(err)
	}
	return rdb.DBSize(t.Context()).Val(), bytes
}

// perAddress is AddressIdentifiers.
const perAddress = 100

// bounded holds what Redis has, after a flood from so many addresses, against what it may.
func bounded(t *testing.T, rdb redis.UniversalClient, before int64, addresses, keysEach int) {
	t.Helper()
	keys, after := used(t, rdb)
	t.Logf("%d keys, %d bytes", keys, after-before)
	if most := int64(addresses * keysEach); keys > most {
		t.Errorf("%d keys, want at most %d", keys, most)
	}
	if most := int64(addresses)*perAddress*600 + 2<<20; after-before > most {
		t.Errorf("%d bytes, want at most %d", after-before, most)
	}
}

// TestMemoryIsBoundedUnderAFloodOfMadeUpNames: what it takes depends on the number of
// addresses, not on that of names.
func TestMemoryIsBoundedUnderAFloodOfMadeUpNames(t *testing.T) {
	const many = 20
	names := 100_000
	if raced {
		names = 20_000
	}
	for _, c := range []struct {
		name  string
		count int
		where func(int) netip.Addr
	}{
		{"from one address", 1, func(int) netip.Addr { return home }},
		{"from many", many, func(n int) netip.Addr { return v4(n % many) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			rdb := storetest.Redis(t, "--appendonly", "no").Client()
			l := open(t, &together{UniversalClient: rdb}, limit.Options{})
			_, before := used(t, rdb)
			in := flood(t, l, names, madeUp, c.where)
			if in != c.count*perAddress {
				t.Errorf("%d of %d attempts were let through, want %d", in, names, c.count*perAddress)
			}
			// Of each pair its log and at most one slot, of each address its two counters.
			bounded(t, rdb, before, c.count, 2*perAddress+2)
		})
	}
}

// TestMemoryIsBoundedUnderAFloodOfNamesThatAreUnderAttack: the names are chosen to share
// counters that are full already, so that none of them is let through and counted.
func TestMemoryIsBoundedUnderAFloodOfNamesThatAreUnderAttack(t *testing.T) {
	const names, hot = 500, 500 // slots that are full
	const from = hot / perAddress
	rdb := storetest.Redis(t, "--appendonly", "no").Client()
	l := open(t, &together{UniversalClient: rdb}, limit.Options{IdentifierFailures: 1})
	slots := map[string]string{} // and the name that filled it
	var chosen []string
	for n := 0; len(chosen) < names; n++ {
		slot := limit.Slot(l, madeUp(n))
		switch filledBy, full := slots[slot]; {
		case full && filledBy != madeUp(n):
			chosen = append(chosen, madeUp(n))
		case len(slots) < hot:
			slots[slot] = madeUp(n)
			fail(t, l, 1, madeUp(n), v4(len(slots)%from))
		}
	}
	_, before := used(t, rdb)
	if in := flood(t, l, names, func(n int) string { return chosen[n-1] },
		func(int) netip.Addr { return home }); in > 0 {
		t.Errorf("%d attempts were let through", in)
	}
	// What filled the slots: two keys each and two of each address. The flood: one key.
	bounded(t, rdb, before, 1, 2*hot+2*from+1)
	if waiting := rdb.ZCard(t.Context(), limit.Waiting(l, home)).Val(); waiting != perAddress {
		t.Errorf("%d names wait at one address, want %d", waiting, perAddress)
	}
	refused(t, l, chosen[names-1], home, limit.Address)
	refused(t, l, chosen[names-1], other, limit.Identifier)
	allowed(t, l, "not under attack", home)
}
