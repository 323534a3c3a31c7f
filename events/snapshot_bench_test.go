package events_test

import (
	"context"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// BenchmarkSnapshot saves and loads a million states, each of another key.
func BenchmarkSnapshot(b *testing.B) {
	b.Run("synced", func(b *testing.B) { benchSnapshot(b, eventstest.NewServer(b, eventstest.WithSync())) })
	b.Run("unsynced", func(b *testing.B) { benchSnapshot(b, eventstest.NewServer(b)) })
}

func benchSnapshot(b *testing.B, server *eventstest.Server) {
	const n = 1_000_000
	nc := server.Conn(b)
	bus := prepared(b, nc, "bench", events.Options{})
	all := make([]port.KeyedState, n)
	for i := range all {
		all[i] = eventstest.State(uint64(i) + 1)
	}
	ctx := context.Background()
	var saving, loading time.Duration
	for b.Loop() {
		start := time.Now()
		err := bus.SaveSnapshot(ctx, revocast.Position{Epoch: 1, Rev: n},
			func(yield func(port.KeyedState, error) bool) {
				for _, k := range all {
					if !yield(k, nil) {
						return
					}
				}
			})
		if err != nil {
			b.Fatal(err)
		}
		saving += time.Since(start)
		start = time.Now()
		var got int
		if _, err := bus.LoadSnapshot(ctx, func(port.KeyedState) error { got++; return nil }); err != nil || got != n {
			b.Fatal(got, err)
		}
		loading += time.Since(start)
	}
	stream, err := mustJetStream(b, nc).Stream(ctx, "RVSNAP_bench")
	if err != nil {
		b.Fatal(err)
	}
	snapshots := float64(min(b.N, 2))
	b.ReportMetric(saving.Seconds()/float64(b.N), "save-s")
	b.ReportMetric(loading.Seconds()/float64(b.N), "load-s")
	b.ReportMetric(float64(stream.CachedInfo().State.Bytes)/snapshots/n, "B/state")
	b.ReportMetric(0, "ns/op")
}
