package store_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
)

// BenchmarkCommitCallers has 64 callers commit one revocation each, over and over: through the ledger, and
// with the same script run once for each of them, pipelined by go-redis and not. They take turns. It
// reports the median of each in commits a second, and the ratios.
func BenchmarkCommitCallers(b *testing.B) {
	const callers, each = 64, 20
	l, rdb := startBench(b)
	ctx := context.Background()
	pipeline, err := rdb.AutoPipeline()
	must(b, err)
	defer pipeline.Close()
	sha, err := rdb.ScriptLoad(ctx, store.Scripts()["commit"].Source).Result()
	must(b, err)
	n := 0
	next := func() []revocast.Event {
		n++
		return []revocast.Event{{Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: numbered(n)}}
	}
	args := func() []any { return l.CommitArgs(revocast.KeyOf("b", 1, "", next()[0].Key.String()).String(), next()) }
	rate := func(make func() func() error) float64 {
		calls := several(callers*each, make)
		start := time.Now()
		var all sync.WaitGroup
		for c := range callers {
			all.Go(func() {
				for _, call := range calls[c*each : (c+1)*each] {
					if err := call(); err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
		return callers * each / time.Since(start).Seconds()
	}
	var ours, piped, alone []float64
	for b.Loop() {
		ours = append(ours, rate(func() func() error {
			p := next()
			return func() error { _, err := l.Commit(ctx, "", p); return err }
		}))
		piped = append(piped, rate(func() func() error {
			a := args()
			return func() error { return pipeline.EvalSha(ctx, sha, []string{"{rv:bench}:meta"}, a...).Err() }
		}))
		alone = append(alone, rate(func() func() error {
			a := args()
			return func() error { return rdb.EvalSha(ctx, sha, []string{"{rv:bench}:meta"}, a...).Err() }
		}))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(ours), "commits/s")
	b.ReportMetric(middle(piped), "pipelined/s")
	b.ReportMetric(middle(alone), "alone/s")
	b.ReportMetric(middle(ours)/middle(piped), "ours/pipelined")
}

func several(n int, make func() func() error) []func() error {
	var all []func() error
	for range n {
		all = append(all, make())
	}
	return all
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
