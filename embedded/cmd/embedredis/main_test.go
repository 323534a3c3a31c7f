package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// started runs the command; tell writes a line to it and returns the answer.
func started(t *testing.T, args ...string) (c *redis.Client, tell func(string) string) {
	t.Helper()
	in, commands := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(args, in, out) }()
	lines := bufio.NewScanner(answers)
	read := func() string { lines.Scan(); return lines.Text() }
	c = redis.NewClient(&redis.Options{Addr: read(), Protocol: 2, MaxRetries: -1})
	t.Cleanup(func() {
		_ = c.Close()
		_ = commands.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c, func(line string) string {
		fmt.Fprintln(commands, line)
		return read()
	}
}

func TestCommands(t *testing.T) {
	ctx := context.Background()
	c, tell := started(t, `-info={"redis_version":"6.9.1"}`, `-config={"maxmemory-policy":"allkeys-lru"}`)
	if info := c.Info(ctx, "server").Val(); !strings.Contains(info, "redis_version:6.9.1") {
		t.Errorf("INFO does not say what it was told: %s", info)
	}
	if p := c.ConfigGet(ctx, "maxmemory-policy").Val(); p["maxmemory-policy"] != "allkeys-lru" {
		t.Errorf("CONFIG GET says %v", p)
	}

	c.Set(ctx, "k", "v", time.Hour)
	c.Set(ctx, "other", "v", 0)
	if answer := tell("advance 2h"); answer != "ok" {
		t.Errorf("advance: %s", answer)
	}
	if keys := c.Keys(ctx, "*").Val(); len(keys) != 1 || keys[0] != "other" {
		t.Errorf("two hours later: %v", keys)
	}

	before := c.Info(ctx, "replication").Val()
	if answer := tell("replace"); answer != "ok" || c.Info(ctx, "replication").Val() == before {
		t.Errorf("replace: %s, and the replication id is the same", answer)
	}
	if answer := tell("flushall"); answer != "ok" || c.DBSize(ctx).Val() != 0 {
		t.Errorf("flushall: %s, and %d keys are left", answer, c.DBSize(ctx).Val())
	}
	for _, line := range []string{"", "advance", "advance soon", "stop"} {
		if answer := tell(line); answer == "ok" {
			t.Errorf("%q is obeyed", line)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, args := range [][]string{{"-info=x"}, {"-unknown"}} {
		if err := run(args, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
