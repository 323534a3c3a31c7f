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

	"github.com/revocast/revocast/store/limit"
	"github.com/revocast/revocast/store/storetest"
)

const (
	names     = 100_000 // made up
	addresses = 100     // of the flood from many
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

// flood tries every name once and returns how many were let through.
func flood(t *testing.T, l *limit.Limiter, where func(n int) netip.Addr) int {
	t.Helper()
	var next, in atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for n := next.Add(1); n <= names; n = next.Add(1) {
				d, err := l.Begin(context.Background(), limit.Attempt{
					ID: "flood", Identifier: "made up " + strconv.FormatInt(n, 36), Address: where(int(n)),
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

// TestMemoryIsBoundedUnderAFloodOfMadeUpNames: what it takes depends on the number of
// addresses, not on that of names.
func TestMemoryIsBoundedUnderAFloodOfMadeUpNames(t *testing.T) {
	const perAddress = 100 // AddressIdentifiers
	for _, c := range []struct {
		name  string
		count int
		where func(int) netip.Addr
	}{
		{"from one address", 1, func(int) netip.Addr { return home }},
		{"from many", addresses, func(n int) netip.Addr { return v4(n % addresses) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			rdb := storetest.Redis(t, "--appendonly", "no").Client()
			l := open(t, &together{UniversalClient: rdb}, limit.Options{})
			_, before := used(t, rdb)
			in := flood(t, l, c.where)
			if in != c.count*perAddress {
				t.Errorf("%d of %d attempts were let through, want %d", in, names, c.count*perAddress)
			}
			keys, after := used(t, rdb)
			t.Logf("%d names: %d keys, %d bytes", names, keys, after-before)
			// Of each pair its log and at most one slot, of each address its two counters.
			if most := int64(c.count * (2*perAddress + 2)); keys > most {
				t.Errorf("%d keys, want at most %d", keys, most)
			}
			if most := int64(c.count)*perAddress*600 + 2<<20; after-before > most {
				t.Errorf("%d bytes, want at most %d", after-before, most)
			}
		})
	}
}
