package limit_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/store/storetest"
)

// bare makes the reads and writes of an attempt that is let through and nothing else: no
// log is taken apart, nothing is decided.
const bare = `#!lua
local p = KEYS[1]
local at = redis.call('TIME')[1]
redis.call('GET', p .. 'p:' .. ARGV[1])
redis.call('GET', p .. 'i:' .. ARGV[4])
redis.call('ZSCORE', p .. 'k:' .. ARGV[3], ARGV[1])
redis.call('GET', p .. 'n:' .. ARGV[2])
redis.call('ZREMRANGEBYSCORE', p .. 'd:' .. ARGV[2], '-inf', at - 900)
redis.call('ZSCORE', p .. 'd:' .. ARGV[2], ARGV[1])
redis.call('ZCARD', p .. 'd:' .. ARGV[2])
redis.call('ZADD', p .. 'd:' .. ARGV[2], at, ARGV[1])
redis.call('PEXPIRE', p .. 'd:' .. ARGV[2], ARGV[6])
redis.call('SET', p .. 'i:' .. ARGV[4], at, 'PX', ARGV[6])
redis.call('SET', p .. 'n:' .. ARGV[2], at, 'PX', ARGV[6])
redis.call('SET', p .. 'p:' .. ARGV[1], at, 'PX', ARGV[6])
return {'', '0', at, '0'}`

// BenchmarkBegin lets an attempt through, and by turns runs a bare script with the same
// commands. It reports the medians of both in microseconds, and how often the one is the
// other; likewise for an attempt that is refused, against a script that does nothing.
func BenchmarkBegin(b *testing.B) {
	rdb := storetest.Redis(b, "--appendfsync", "everysec").Client()
	ctx := context.Background()
	l := open(b, rdb, limit.Options{})
	a := limit.Attempt{Identifier: "ann", Address: other}
	fail(b, l, 5, "ann", other)

	allowed := redis.NewScript(bare)
	nothing := redis.NewScript("#!lua\nreturn {'pair', '1', '1', '1'}")
	for _, s := range []*redis.Script{allowed, nothing} {
		if err := s.Load(ctx, rdb).Err(); err != nil {
			b.Fatal(err)
		}
	}
	run := func(b *testing.B, peer *redis.Script, want bool, attempt func(n int) limit.Attempt) {
		var begin, plain []time.Duration
		for n := 0; b.Loop(); n++ {
			try := attempt(n)
			start := time.Now()
			if d, err := l.Begin(ctx, try); err != nil || d.Allowed != want {
				b.Fatalf("%+v, %v", d, err)
			}
			between := time.Now()
			name := strconv.Itoa(n)
			err := peer.EvalSha(ctx, rdb, []string{"{rv:test}:bare:"}, "a pair's hash "+name, name,
				"an identifier's hash",
				strconv.Itoa(n%65536), "an attempt's id", 900000, 5, 20, 100, 2000, 10, 30000, 2592000000).Err()
			if err != nil {
				b.Fatal(err)
			}
			begin, plain = append(begin, between.Sub(start)), append(plain, time.Since(between))
		}
		report(b, "begin", begin, plain)
	}
	b.Run("allowed", func(b *testing.B) {
		run(b, allowed, true, func(n int) limit.Attempt {
			return limit.Attempt{Identifier: strconv.Itoa(n), Address: v4(n)}
		})
	})
	b.Run("refused", func(b *testing.B) {
		run(b, nothing, false, func(int) limit.Attempt { return a })
	})
}

func report(b *testing.B, name string, ours, bare []time.Duration) {
	b.Helper()
	slices.Sort(ours)
	slices.Sort(bare)
	x, y := ours[len(ours)/2], bare[len(bare)/2]
	b.ReportMetric(float64(x)/1e3, "µs/"+name)
	b.ReportMetric(float64(y)/1e3, "µs/bare")
	b.ReportMetric(float64(x)/float64(y), name+"/bare")
}
