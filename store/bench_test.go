package store_test

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// bareCommit makes the same writes as a commit and nothing else: no replication id,
// no merge, no checks.
const bareCommit = `#!lua
local p = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local rev = redis.call('HINCRBY', p .. 'meta', 'rev', 1)
redis.call('HSET', p .. 's:' .. ARGV[1], 'c', now, 'x', '', 'f', now, 'u', now + 3600000,
	'e', 1, 'r', rev, 't', now, 's', 3)
redis.call('PEXPIREAT', p .. 's:' .. ARGV[1], now + 3660000)
redis.call('XADD', p .. 'log', '1-' .. rev, 'k', 1, 's', 3, 'h', ARGV[1], 't', now, 'c', now, 'u', now + 3600000)
redis.call('SET', p .. 'i:' .. ARGV[2], ARGV[2], 'PX', 3600000)
return rev`

// startBench runs on a server that syncs its file every second, so that the disk is
// not what is measured.
func startBench(b *testing.B) (*store.Ledger, redis.UniversalClient) {
	b.Helper()
	rdb := storetest.Redis(b, "--appendfsync", "everysec").Client()
	l, err := store.New(rdb, "bench", store.Options{})
	must(b, err)
	must(b, storetest.Start(context.Background(), l, 1))
	return l, rdb
}

func numbered(n int) revocast.Key {
	var k revocast.Key
	binary.BigEndian.PutUint64(k[:], uint64(n)+1)
	return k
}

func BenchmarkCommit(b *testing.B) {
	l, rdb := startBench(b)
	ctx := context.Background()
	b.Run("ledger", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			p := revocast.Event{Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: numbered(n)}
			if _, err := l.Commit(ctx, "", []revocast.Event{p}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		script := redis.NewScript(bareCommit)
		n := 0
		for b.Loop() {
			n++
			id := numbered(n).String()
			if err := script.Run(ctx, rdb, []string{"{bare}:"}, id, id).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ping", func(b *testing.B) {
		for b.Loop() {
			if err := rdb.Ping(ctx).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	l, _ := startBench(b)
	ctx := context.Background()
	until := time.Now().Add(time.Hour).UnixMilli()
	var proposals []revocast.Event
	for n := range 5 {
		proposals = append(proposals, revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: numbered(n), CutOff: 1, Until: until,
		})
	}
	commit(b, l, "", proposals...)
	for name, first := range map[string]int{
		"five keys none standing": 100, "five keys all standing": 0, "five keys one standing": 4,
	} {
		keys := make([]revocast.Key, 5)
		for i := range keys {
			keys[i] = numbered(first + i)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Check(ctx, keys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRenew(b *testing.B) {
	l, _ := startBench(b)
	ctx := context.Background()
	var proposals []revocast.Event
	for n := range 100 {
		proposals = append(proposals, revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: numbered(n),
		})
	}
	commit(b, l, "", proposals...)
	for name, applied := range map[string]uint64{"nothing new": 100, "ten new": 90, "hundred new": 0} {
		r := port.Renewal{
			Member:  port.MemberID{Class: "default", Worker: "w", Incarnation: "i"},
			Applied: revocast.Position{Epoch: 1, Rev: applied},
			Limit:   1000,
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Renew(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFence: what it costs to look whether a replica follows.
func BenchmarkFence(b *testing.B) {
	p := newPair(b)
	ctx := context.Background()
	for _, f := range []struct {
		name  string
		fence time.Duration
	}{{"none", 0}, {"one replica", 5 * time.Second}} {
		b.Run(f.name, func(b *testing.B) {
			terms := storetest.Terms()
			terms.Fence = f.fence
			must(b, p.ledger.SetTerms(ctx, terms))
			must(b, storetest.Eventually(ctx, func() error { return p.check(ctx) }))
			must(b, p.rdb.ConfigResetStat(ctx).Err())
			for b.Loop() {
				if err := p.check(ctx); err != nil {
					b.Fatal(err)
				}
			}
			stats := p.rdb.Info(ctx, "commandstats").Val()
			_, stats, _ = strings.Cut(stats, "cmdstat_evalsha:")
			_, perCall, _ := strings.Cut(stats, "usec_per_call=")
			perCall, _, _ = strings.Cut(perCall, ",")
			us, err := strconv.ParseFloat(perCall, 64)
			must(b, err)
			b.ReportMetric(us, "server-us/op")
		})
	}
}

func BenchmarkPreflight(b *testing.B) {
	l, _ := startBench(b)
	for b.Loop() {
		if _, err := l.Preflight(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMark(b *testing.B) {
	l, _ := startBench(b)
	ctx := context.Background()
	was, keeps := port.StreamPoint{}, storetest.Terms().StreamOptions().MaxAge
	from, n := time.Now().UnixMilli()-keeps, int64(0)
	for b.Loop() {
		n++ // a witness in each, as many as there can be
		p := port.StreamPoint{Created: 1, Sequence: uint64(n), Stored: from + n*(keeps/512+1)}
		if err := l.Mark(ctx, was, port.StreamMark{Point: p, Complete: revocast.Position{Epoch: 1}}); err != nil {
			b.Fatal(err)
		}
		was = p
	}
}
