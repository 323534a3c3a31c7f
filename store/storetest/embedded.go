package storetest

import (
	"context"
	"testing"

	"github.com/revocast/revocast/internal/embedredis"
)

// Embedded starts the embedded Redis of `publisher dev`, stops it when the test ends
// and returns its URL.
func Embedded(tb testing.TB) string {
	tb.Helper()
	return startEmbedded(tb, embedredis.Options{}).URL()
}

func startEmbedded(tb testing.TB, o embedredis.Options) *embedredis.Server {
	tb.Helper()
	s := embedredis.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ended:
		cancel()
		tb.Fatalf("storetest: %v", err)
	}
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("storetest: %v", err)
		}
	})
	return s
}
