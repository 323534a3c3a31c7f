package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Backend is one kind of Redis that an account store must work on.
type Backend struct {
	Name   string
	Client redis.UniversalClient

	// Advance puts the server's clock forward. Nil where no server can do that: tests of
	// long times run on the embedded one.
	Advance func(time.Duration)
}

// Each runs a test on a redis-server, on a Redis Cluster, where a script that leaves its
// slot fails, and on the embedded Redis.
func Each(t *testing.T, test func(*testing.T, Backend)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) { test(t, Backend{Name: "redis", Client: Redis(t).Client()}) })
	t.Run("cluster", func(t *testing.T) { test(t, Backend{Name: "cluster", Client: Cluster(t)}) })
	t.Run("embedded", func(t *testing.T) {
		s := Embedded(t)
		test(t, Backend{Name: "embedded", Client: s.Client(), Advance: s.Advance})
	})
}

// Cluster starts a Redis Cluster of one node, which holds every slot, and returns a
// cluster client for it.
func Cluster(tb testing.TB) redis.UniversalClient {
	tb.Helper()
	s := Redis(tb, "--cluster-enabled", "yes", "--appendfsync", "everysec")
	s.do("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	c := client(tb, "redis://"+s.Addr()+","+s.Addr())
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	err := Eventually(ctx, func() error {
		info, err := c.Do(ctx, "CLUSTER", "INFO").Text()
		if err == nil && !strings.Contains(info, "cluster_state:ok") {
			err = errors.New("the cluster is not up")
		}
		return err
	})
	if err != nil {
		tb.Fatalf("storetest: %v", err)
	}
	return c
}
