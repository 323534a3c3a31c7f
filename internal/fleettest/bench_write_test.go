package fleettest_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

// counted is a view that says when it has applied a revision for the first time: one
// may come by renewal and live.
type counted struct {
	port.View
	latest  *atomic.Uint64
	applied *sync.WaitGroup
}

func (c counted) Apply(e revocast.Event) {
	c.View.Apply(e)
	if was := c.latest.Load(); e.Position.Rev > was && c.latest.CompareAndSwap(was, e.Position.Rev) {
		c.applied.Done()
	}
}

// bareStream is a stream like the realm's, without anything of ours.
func bareStream(b *testing.B, r *fleettest.Rig) (jetstream.JetStream, *nats.Conn) {
	b.Helper()
	nc := r.Nats.Conn(b)
	js, err := jetstream.New(nc)
	r.Must(err)
	_, err = js.CreateStream(b.Context(), jetstream.StreamConfig{
		Name: "BARE", Subjects: []string{"bare.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
	})
	r.Must(err)
	return js, nc
}

// BenchmarkRevocationLatency is from the call of Revoke until the last of 16 workers
// has applied it, against a bare JetStream publish until it is acknowledged and the
// last of 16 bare core subscribers has it.
func BenchmarkRevocationLatency(b *testing.B) {
	onBothDisks(b, revocationLatency)
}

// onBothDisks runs a benchmark with both stores syncing every write to the disk before
// they answer, and with neither doing so.
func onBothDisks(b *testing.B, bench func(*testing.B, *fleettest.Rig)) {
	b.Run("synced", func(b *testing.B) {
		bench(b, fleettest.NewRigOn(b, storetest.Redis(b, "--appendfsync", "always"),
			eventstest.NewServer(b, eventstest.WithSync())))
	})
	b.Run("unsynced", func(b *testing.B) {
		bench(b, fleettest.NewRigOn(b, storetest.Redis(b, "--appendfsync", "everysec"), eventstest.NewServer(b)))
	})
}

func revocationLatency(b *testing.B, r *fleettest.Rig) {
	const workers = 16
	p := r.Publisher()
	var applied, received sync.WaitGroup
	for range workers {
		sub := option.Must(worker.NewSubscriber(r.Ledger(), r.Bus(), counted{
			option.Must(cache.New(cache.Options{})), new(atomic.Uint64), &applied,
		}, worker.SubscriberOptions{Logger: fleettest.Logger()}))
		r.Run(sub.Run)
		r.Await(sub.Readiness())
	}
	js, _ := bareStream(b, r)
	for range workers {
		nc := r.Nats.Conn(b)
		_, err := nc.Subscribe("bare.ev", func(*nats.Msg) { received.Done() })
		r.Must(err)
		r.Must(nc.Flush())
	}
	payload := make([]byte, 100)
	n := 0
	ratio(b, 1, func() {
		received.Add(workers)
		_, err := js.Publish(context.Background(), "bare.ev", payload)
		r.Must(err)
		received.Wait()
	}, func() {
		n++
		applied.Add(workers)
		_, err := p.Revoke(context.Background(), user(n), revocast.WithStrength(revocast.Committed))
		r.Must(err)
		applied.Wait()
	})
}

func user(n int) revocast.Revocation {
	return revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("user-", n)}
}

// bareWrites makes the same writes in Redis as a commit and nothing else.
const bareWrites = `#!lua
local p = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local rev = redis.call('HINCRBY', p .. 'meta', 'rev', 1)
redis.call('HSET', p .. 's:' .. ARGV[1], 'c', now, 'x', '', 'f', now, 'u', now + 3600000,
	'e', 1, 'r', rev, 't', now, 's', 3)
redis.call('PEXPIREAT', p .. 's:' .. ARGV[1], now + 3660000)
redis.call('XADD', p .. 'log', '1-' .. rev, 'k', 1, 's', 3, 'h', ARGV[1], 't', now, 'c', now, 'u', now + 3600000)
redis.call('SET', p .. 'i:' .. ARGV[1], ARGV[1], 'PX', 3600000)
return rev`

// BenchmarkDurable is a durable Revoke against the bare script with the same writes and
// a bare JetStream publish after it.
func BenchmarkDurable(b *testing.B) {
	onBothDisks(b, durable)
}

func durable(b *testing.B, r *fleettest.Rig) {
	p := r.Publisher()
	r.Worker(worker.GuardOptions{})
	js, _ := bareStream(b, r)
	rdb, script := r.Redis.Client(), redis.NewScript(bareWrites)
	payload := make([]byte, 100)
	ctx := context.Background()
	n := 0
	ratio(b, 1, func() {
		var key revocast.Key
		n++
		binary.BigEndian.PutUint64(key[:], uint64(n))
		r.Must(script.Run(ctx, rdb, []string{"{bare}:"}, key.String()).Err())
		_, err := js.Publish(ctx, "bare.ev", payload)
		r.Must(err)
	}, func() {
		n++
		_, err := p.Revoke(ctx, user(n), revocast.WithStrength(revocast.Durable))
		r.Must(err)
	})
}

// BenchmarkConfirmed is a confirmed Revoke with 16 workers, for what it costs beyond
// the durable one.
func BenchmarkConfirmed(b *testing.B) {
	onBothDisks(b, confirmed)
}

func confirmed(b *testing.B, r *fleettest.Rig) {
	p := r.Publisher()
	r.Workers(16)
	ctx := context.Background()
	n := 0
	ratio(b, 1, func() {
		n++
		_, err := p.Revoke(ctx, user(n), revocast.WithStrength(revocast.Durable))
		r.Must(err)
	}, func() {
		n++
		_, err := p.Revoke(ctx, user(n))
		r.Must(err)
	})
}
