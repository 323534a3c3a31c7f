package storetest

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/internal/embedredis"
)

// EmbeddedServer is the embedded Redis of `publisher dev`. It is for one goroutine.
type EmbeddedServer struct {
	*embedredis.Server
	tb testing.TB
}

// Embedded starts an embedded Redis and stops it when the test ends.
func Embedded(tb testing.TB) *EmbeddedServer { return EmbeddedWith(tb, nil, nil) }

// EmbeddedWith starts an embedded Redis that shows other fields in INFO, such as
// redis_version, and other parameters in CONFIG GET.
func EmbeddedWith(tb testing.TB, info, config map[string]string) *EmbeddedServer {
	tb.Helper()
	s := &EmbeddedServer{tb: tb, Server: embedredis.New(embedredis.Options{Info: info, Config: config})}
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

// Client returns a client made by [store.NewClient], closed when the test ends.
func (s *EmbeddedServer) Client() redis.UniversalClient {
	s.tb.Helper()
	return client(s.tb, s.URL())
}
