package fleettest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/worker"
)

// ratio runs ours and the peer in turn, in short rounds so that both meet the same
// weather, and reports the median of each and of their ratio, per operation.
func ratio(b *testing.B, perRound int, peer, ours func()) {
	b.Helper()
	round := func(f func()) float64 {
		start := time.Now()
		for range perRound {
			f()
		}
		return float64(time.Since(start).Nanoseconds()) / float64(perRound)
	}
	round(peer)
	round(ours)
	var peers, own, ratios []float64
	for b.Loop() {
		p, o := round(peer), round(ours)
		peers, own, ratios = append(peers, p), append(own, o), append(ratios, o/p)
	}
	b.ReportMetric(median(own), "own-ns")
	b.ReportMetric(median(peers), "peer-ns")
	b.ReportMetric(median(ratios), "ratio")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkHit compares a check that the session cache answers with a bare golang-lru
// Get of the same key.
func BenchmarkHit(b *testing.B) {
	r := fleettest.NewRig(b)
	w := r.Worker(worker.GuardOptions{})
	bearer := r.Login("alice").Token
	bare, err := lru.New[string, *revocast.Claims](100_000)
	r.Must(err)
	claims, v := w.Check(b.Context(), bearer)
	if !v.OK() {
		b.Fatal(v.Err)
	}
	bare.Add(bearer, claims)
	// Asked as a request asks: with a string of its own, not the very one that is
	// stored, which both would recognise by its address.
	bearer = ("Bearer " + bearer)[len("Bearer "):]
	ctx := context.Background()
	b.ReportAllocs()
	ratio(b, 20_000, func() {
		if _, ok := bare.Get(bearer); !ok {
			b.Fatal("missed")
		}
	}, func() {
		if _, v := w.Check(ctx, bearer); v.Outcome != revocast.Allowed {
			b.Fatal(v.Err)
		}
	})
}
