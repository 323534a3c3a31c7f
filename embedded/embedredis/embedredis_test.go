package embedredis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/revocast/revocast/embedded/embedredis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o embedredis.Options) (*embedredis.Server, *redis.Client) {
	t.Helper()
	s := embedredis.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ended:
		cancel()
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Protocol: 2, MaxRetries: -1})
	t.Cleanup(func() {
		c.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, c
}

func TestScriptsWithShebang(t *testing.T) {
	_, c := start(t, embedredis.Options{})
	ctx := context.Background()
	script := redis.NewScript("#!lua\nreturn {KEYS[1], ARGV[1], redis.call('INFO', 'replication')}")
	for range 2 { // the text, then the hash
		got, err := script.Run(ctx, c, []string{"k"}, "a").Slice()
		if err != nil || got[0] != "k" || got[1] != "a" || !strings.Contains(got[2].(string), "master_replid:") {
			t.Errorf("script answers %q, %v", got, err)
		}
	}
	if err := script.EvalSha(ctx, c, []string{"k"}, "a").Err(); err != nil {
		t.Errorf("by hash alone: %v", err)
	}
	other := redis.NewScript("#!lua\nreturn 1")
	if err := other.EvalSha(ctx, c, nil).Err(); !redis.HasErrorPrefix(err, "NOSCRIPT") {
		t.Errorf("a script that is not known: %v, want NOSCRIPT", err)
	}
}

func TestTimePasses(t *testing.T) {
	_, c := start(t, embedredis.Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Set(ctx, "k", "v", 100*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for c.Exists(ctx, "k").Val() == 1 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("the key does not expire")
		}
	}
}

func TestIdentity(t *testing.T) {
	s, c := start(t, embedredis.Options{
		Info: map[string]string{"redis_version": "6.0.1"}, Config: map[string]string{"save": "60 1"},
	})
	ctx := context.Background()
	first := c.Info(ctx, "replication").Val()
	s.Replace()
	if second := c.Info(ctx, "replication").Val(); second == first || !strings.Contains(second, "master_replid:") {
		t.Errorf("INFO replication before %q and after Replace %q", first, second)
	}
	if all := c.Info(ctx).Val(); !strings.Contains(all, "redis_version:6.0.1") ||
		!strings.Contains(all, "maxmemory_policy:noeviction") {
		t.Errorf("INFO: %q", all)
	}
	if m := c.ConfigGet(ctx, "save").Val(); m["save"] != "60 1" {
		t.Errorf("CONFIG GET save: %v", m)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := embedredis.New(embedredis.Options{Addr: l.Addr().String()})
	var op *net.OpError
	if err := s.Run(context.Background()); !errors.As(err, &op) {
		t.Errorf("Run on a port in use: %v", err)
	}
	if s.Addr() != "" || s.URL() != "" {
		t.Errorf("a server that does not run is at %q", s.Addr())
	}
}

// TestPassword: nobody without it reads, writes or runs a script.
func TestPassword(t *testing.T) {
	s, stranger := start(t, embedredis.Options{Password: "p@ss/word"})
	ctx := context.Background()
	for _, args := range [][]any{{"SET", "a", "b"}, {"GET", "a"}, {"EVAL", "return 1", "0"}} {
		if err := stranger.Do(ctx, args...).Err(); !redis.HasErrorPrefix(err, "NOAUTH") {
			t.Errorf("%v: %v, want NOAUTH", args, err)
		}
	}
	o, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	o.Protocol = 2
	c := redis.NewClient(o)
	defer c.Close()
	script := redis.NewScript("return redis.call('SET', KEYS[1], ARGV[1])")
	if err := script.Run(ctx, c, []string{"k"}, "a").Err(); err != nil {
		t.Error(err)
	}
}
