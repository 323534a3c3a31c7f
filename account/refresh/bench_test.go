package refresh_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
)

// bare is the least that a script can do and still keep something.
const bare = `return redis.call('HSET', KEYS[1], 'n', ARGV[1])`

// sameWrites makes the writes of a rotation, and checks nothing.
const sameWrites = `
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'n', ARGV[1], 'h', ARGV[2], 'q', ARGV[3], 'r', ARGV[4], 'l', t[1], 'x', t[1])
redis.call('PEXPIREAT', KEYS[1], ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
return 1`

// BenchmarkRotate takes turns between a rotation, a bare EVALSHA of its own script, one of
// the least script there is, and one with the same writes, and reports the median of each
// in microseconds and the ratios.
func BenchmarkRotate(b *testing.B) {
	allowed := func(context.Context, *revocast.Claims) revocast.Verdict {
		return revocast.Verdict{Outcome: revocast.Allowed}
	}
	for name, o := range map[string]refresh.Options{"alone": {}, "with a check": {Check: allowed}} {
		b.Run(name, func(b *testing.B) { benchRotate(b, o) })
	}
}

func benchRotate(b *testing.B, o refresh.Options) {
	r := onRedis(b, o)
	one, same := loaded(r, bare), loaded(r, sameWrites)
	token := r.login("alice").Text
	own := newOwnScript(r)
	hash := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	expires := time.Now().Add(time.Hour).UnixMilli()
	var rotates, owns, bares, sames []time.Duration
	n := 0
	timed := func(all *[]time.Duration, f func()) {
		start := time.Now()
		f()
		*all = append(*all, time.Since(start))
	}
	for b.Loop() {
		n++
		timed(&rotates, func() { token = r.rotate(token).Text })
		timed(&owns, own.rotate)
		timed(&bares, func() { r.must(r.rdb.EvalSha(r.ctx, one, []string{"{b}h"}, n).Err()) })
		timed(&sames, func() {
			r.must(r.rdb.EvalSha(r.ctx, same, []string{"{b}h", "{b}z"}, n, hash, hash, "nonce-of-22-characters",
				expires).Err())
		})
	}
	rotate, script, bare, writes := median(rotates), median(owns), median(bares), median(sames)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rotate, "rotate-µs")
	b.ReportMetric(script, "script-µs")
	b.ReportMetric(bare, "bare-µs")
	b.ReportMetric(rotate/script, "rotate/script")
	b.ReportMetric(writes, "writes-µs")
	b.ReportMetric(rotate/bare, "rotate/bare")
	b.ReportMetric(rotate/writes, "rotate/writes")
}

// ownScript runs the script of a rotation as it is: nothing is derived, hashed or parsed.
type ownScript struct {
	r        *rig
	sha      string
	key      string
	id, hash string
	number   uint32
}

func newOwnScript(r *rig) *ownScript {
	r.Helper()
	o := &ownScript{r: r, sha: loaded(r, refresh.RotateSource())}
	o.key, o.id, o.hash = refresh.Parts(r.Store, r.login("bob").Text)
	return o
}

func (o *ownScript) rotate() {
	next := fmt.Sprintf("%064x", o.number+1)
	reply, err := o.r.rdb.EvalSha(o.r.ctx, o.sha, []string{o.key}, time.Now().UnixMilli(), o.id, o.number, o.hash,
		"nonce-of-22-characters", next, 10_000, 86_400_000, "", "", "", "", "0").Slice()
	o.r.must(err)
	if reply[0] != "ok" {
		o.r.Fatal(reply)
	}
	o.hash, o.number = next, o.number+1
}

func loaded(r *rig, source string) string {
	r.Helper()
	sha, err := r.rdb.ScriptLoad(context.Background(), source).Result()
	r.must(err)
	return sha
}

func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Nanoseconds()) / 1000
}

// BenchmarkList: a thousand families in one round trip.
func BenchmarkList(b *testing.B) {
	r := onRedis(b, refresh.Options{})
	for range 1000 {
		r.login("alice")
	}
	trips := &counter{}
	r.rdb.AddHook(trips)
	for b.Loop() {
		list, err := r.List(r.ctx, "alice")
		r.must(err)
		if len(list) != 1000 {
			b.Fatalf("%d are listed", len(list))
		}
	}
	b.ReportMetric(float64(trips.n)/float64(b.N), "trips/op")
}

// counter counts round trips, for one goroutine.
type counter struct{ n int }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n++
		return next(ctx, cmd)
	}
}
