package code_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/store/storetest"
)

// bare makes the writes of taking a code and nothing else: no comparison, no counts.
const bare = `#!lua flags=allow-oom
local key = KEYS[1] .. ARGV[1]
redis.call('TIME')
redis.call('HMGET', key, 'm', 'x', 'k', 'i', 'n', 'w', 'a', 'l', 'u', 'b', 'z')
redis.call('HDEL', key, 'm', 'n', 'w')
redis.call('HSET', key, 'z', 'used', 'a', ARGV[3])
return {'', '0', ARGV[3]}`

// BenchmarkVerify takes a code, and by turns runs a bare script with the same writes. It
// reports the medians of both in microseconds, and how often the one is the other.
func BenchmarkVerify(b *testing.B) {
	rdb := storetest.Redis(b, "--appendfsync", "everysec").Client()
	s := open(b, rdb, code.Options{})
	ctx := context.Background()
	script := redis.NewScript(bare)
	if err := script.Load(ctx, rdb).Err(); err != nil {
		b.Fatal(err)
	}
	keys := []string{"{rv:test}:bare:"}
	var verify, plain []time.Duration
	for n := 0; b.Loop(); n++ {
		who := strconv.Itoa(n)
		b.StopTimer()
		text := create(b, s, who)
		if err := rdb.HSet(ctx, keys[0]+who, "m", text, "x", "1", "k", "c", "i", who, "s", "1").Err(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		start := time.Now()
		if err := s.Verify(ctx, reset, who, text); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		if err := script.EvalSha(ctx, rdb, keys, who, "a MAC of 43 characters, as any other has it.", "the call's id",
			5, 3600000, "", 0).Err(); err != nil {
			b.Fatal(err)
		}
		verify, plain = append(verify, between.Sub(start)), append(plain, time.Since(between))
	}
	report(b, "verify", verify, plain)
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
