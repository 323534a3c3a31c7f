package dev

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/oklog/run"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/store"
)

// TestServersHavePasswords: another user of the machine finds their ports, and gets nothing there.
func TestServersHavePasswords(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := newServers(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var g run.Group
	g.Add(serving.Stopper(ctx))
	g.Add(serving.Actor(s.nats.Run))
	g.Add(serving.Actor(s.redis.Run))
	ended := make(chan error, 1)
	go func() { ended <- g.Run() }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if err := s.wait(ctx); err != nil {
		t.Fatal(err)
	}
	if conn, err := events.Connect(s.nats.URL(), events.ConnectOptions{Logger: log}); err == nil {
		conn.Close()
		t.Error("NATS lets everybody in")
	}
	ledger, err := store.Open("redis://"+s.redis.Addr(), Realm, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	if _, err := ledger.Describe(ctx); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("Redis answers everybody: %v", err)
	}
	own, err := s.open("own", log)
	if err != nil {
		t.Fatal(err)
	}
	own.close()
}
