package cache_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

const benchEntries = 100_000

// bearers makes n strings that look like JWTs of about 500 bytes, with the same
// header and beginning of the claims, as tokens of one issuer have.
func bearers(n int) []string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	r := rand.New(rand.NewPCG(1, 2))
	random := func(b *strings.Builder, n int) {
		for range n {
			b.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
	}
	same := "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEiLCJ0eXAiOiJKV1QifQ." + strings.Repeat("c2FtZQ", 20)
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		b.WriteString(same)
		random(&b, 240)
		b.WriteByte('.')
		random(&b, 86)
		out[i] = b.String()
	}
	return out
}

// asked are the same strings in other memory, as they come from requests.
func asked(keys []string) []string {
	out := make([]string, len(keys))
	for i := range keys {
		out[i] = strings.Clone(keys[i])
	}
	return out
}

type getters struct {
	keys []string // to ask with
	ours *cache.Cache
	bare *lru.Cache[string, *port.Entry]
}

func newGetters(b testing.TB) getters {
	keys := bearers(benchEntries)
	// There is room for all, though shards fill unevenly, because the benchmark measures the hit.
	g := getters{keys: asked(keys), ours: option.Must(cache.New(cache.Options{Entries: benchEntries * 5 / 4}))}
	var err error
	if g.bare, err = lru.New[string, *port.Entry](benchEntries); err != nil {
		b.Fatal(err)
	}
	load(g.ours)
	for i, key := range keys {
		e := token(i, revocast.Position{})
		g.bare.Add(key, e)
		if !g.ours.Put(port.SpaceBearer, key, e, 0) {
			b.Fatal("not stored")
		}
	}
	return g
}

func (g *getters) getOurs(key string) *port.Entry { return g.ours.Get(port.SpaceBearer, key) }

func (g *getters) getBare(key string) *port.Entry {
	e, _ := g.bare.Get(key)
	return e
}

// getCheck is the least that a guard adds: a lease behind an atomic pointer, the clock, and two
// comparisons.
func (g *getters) getCheck(lease *atomic.Pointer[time.Duration], clock port.Clock) func(string) *port.Entry {
	var view port.View = g.ours
	return func(key string) *port.Entry {
		l := lease.Load()
		e := view.Get(port.SpaceBearer, key)
		if e == nil {
			return nil
		}
		expires, end := e.Expires, *l // before the clock, which waits for all loads
		if now := clock.Monotonic(); now >= expires || now >= end {
			return nil
		}
		return e
	}
}

func BenchmarkGet(b *testing.B) {
	g := newGetters(b)
	var lease atomic.Pointer[time.Duration]
	end := 24 * time.Hour
	lease.Store(&end)
	run := func(name string, get func(string) *port.Entry) {
		b.Run(name+"/hot", func(b *testing.B) { benchGet(b, g.keys[:1], get) })
		b.Run(name+"/few", func(b *testing.B) { benchGet(b, g.keys[:64], get) })
		b.Run(name+"/random", func(b *testing.B) { benchGet(b, g.keys, get) })
		b.Run(name+"/hot-parallel", func(b *testing.B) { benchGetParallel(b, g.keys[:1], get) })
		b.Run(name+"/random-parallel", func(b *testing.B) { benchGetParallel(b, g.keys, get) })
	}
	run("bare", g.getBare)
	run("ours", g.getOurs)
	run("check", g.getCheck(&lease, port.SystemClock()))
}

// BenchmarkCheckOverBare gives the price of a check as a multiple of a bare Get: it runs both in
// turn, a batch at a time, and takes the median of the ratios, so that other load on the machine
// falls on both. The bearers have just been copied, as a server has just read them from the
// connection. "cold" asks with strings that are in no cache of the processor, so it mainly measures
// the machine's memory.
func BenchmarkCheckOverBare(b *testing.B) {
	g := newGetters(b)
	var lease atomic.Pointer[time.Duration]
	end := 24 * time.Hour
	lease.Store(&end)
	check := g.getCheck(&lease, port.SystemClock())
	for _, n := range []int{1, 64, benchEntries} {
		b.Run(fmt.Sprint("keys=", n), func(b *testing.B) {
			benchPair(b, g.keys[:n], strings.Clone, g.getBare, check)
		})
	}
	b.Run("cold", func(b *testing.B) {
		benchPair(b, g.keys, func(key string) string { return key }, g.getBare, check)
	})
}

func benchPair(b *testing.B, keys []string, receive func(string) string, bare, check func(string) *port.Entry) {
	var batch [64]string
	timed := func(get func(string) *port.Entry) float64 {
		for i := range batch {
			batch[i] = receive(keys[rand.IntN(len(keys))])
		}
		begin := time.Now()
		for _, key := range batch {
			if get(key) == nil {
				b.Fatal("missed")
			}
		}
		return float64(time.Since(begin).Nanoseconds()) / float64(len(batch))
	}
	var bares, checks, ratios []float64
	for b.Loop() {
		x, y := timed(bare), timed(check)
		bares, checks, ratios = append(bares, x), append(checks, y), append(ratios, y/x)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(bares), "bare-ns")
	b.ReportMetric(median(checks), "check-ns")
	b.ReportMetric(median(ratios), "check/bare")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func benchGet(b *testing.B, keys []string, get func(string) *port.Entry) {
	order := rand.New(rand.NewPCG(3, 4)).Perm(len(keys))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == len(order) {
			i = 0
		}
		if get(keys[order[i]]) == nil {
			b.Fatal("missed")
		}
	}
}

func benchGetParallel(b *testing.B, keys []string, get func(string) *port.Entry) {
	order := rand.New(rand.NewPCG(3, 4)).Perm(len(keys))
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(len(order)); pb.Next(); i++ {
			if i == len(order) {
				i = 0
			}
			if get(keys[order[i]]) == nil {
				b.Error("missed")
				return
			}
		}
	})
}

func randomKey() (k revocast.Key) {
	binary.LittleEndian.PutUint64(k[:], rand.Uint64())
	binary.LittleEndian.PutUint64(k[8:], rand.Uint64())
	return k
}

func randomRevoked(rev int) revocast.Event {
	return revocast.Event{
		Position: pos(rev), Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: randomKey(),
		CutOff: revocast.Forever, Until: never,
	}
}

func BenchmarkLookupMiss(b *testing.B) {
	for _, states := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(states), func(b *testing.B) {
			c := option.Must(cache.New(cache.Options{}))
			for i := range states {
				c.Apply(randomRevoked(i + 1))
			}
			entries := make([]*port.Entry, 1<<14)
			for i := range entries {
				entries[i] = token(i, revocast.Position{})
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if e := entries[i&(len(entries)-1)]; isCovered(c, e, 0) {
					b.Fatal("covered")
				}
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, entries := range []int{0, benchEntries} {
		b.Run(fmt.Sprint("entries=", entries), func(b *testing.B) {
			c := option.Must(cache.New(cache.Options{Revocations: 1 << 30}))
			for i, key := range bearers(entries) {
				c.Put(port.SpaceBearer, key, token(i, revocast.Position{}), 0)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Apply(randomRevoked(i + 1))
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	keys := bearers(2 * benchEntries)
	entries := make([]*port.Entry, len(keys))
	for i := range entries {
		entries[i] = token(i, revocast.Position{})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Put(port.SpaceBearer, keys[i%len(keys)], entries[i%len(keys)], 0)
	}
}

// heap is the live heap after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkMemoryPerRevocation(b *testing.B) {
	const states = 1_000_000
	for b.Loop() {
		before := heap()
		c := option.Must(cache.New(cache.Options{Entries: cache.NoEntries}))
		for i := range states {
			c.Apply(randomRevoked(i + 1))
		}
		b.ReportMetric(float64(heap()-before)/states, "B/revocation")
		runtime.KeepAlive(c)
	}
}

// BenchmarkMemoryPerEntry leaves out the bearer itself, its entry and its claims.
func BenchmarkMemoryPerEntry(b *testing.B) {
	keys := bearers(benchEntries)
	entries := make([]*port.Entry, len(keys))
	for i := range entries {
		entries[i] = token(i, revocast.Position{})
	}
	for b.Loop() {
		before := heap()
		c := option.Must(cache.New(cache.Options{}))
		load(c)
		for i, key := range keys {
			c.Put(port.SpaceBearer, key, entries[i], 0)
		}
		stored := c.Status().Entries
		b.ReportMetric(float64(heap()-before)/float64(stored)-float64(len(keys[0])), "B/entry")
		runtime.KeepAlive(c)
	}
	runtime.KeepAlive(entries)
}
