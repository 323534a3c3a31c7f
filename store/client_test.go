package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
)

func TestNewClient(t *testing.T) {
	for _, c := range []struct {
		url, addr, user, password string
		db                        int
		tls                       bool
	}{
		{"redis://example:7000", "example:7000", "", "", 0, false},
		{"redis://u:p%40s@example/3", "example:6379", "u", "p@s", 3, false},
		{"rediss://example:7000/0", "example:7000", "", "", 0, true},
		{"unix:///run/redis.sock", "/run/redis.sock", "", "", 0, false},
		{"redis://[::1]:7000?pool_size=7", "[::1]:7000", "", "", 0, false},
	} {
		rdb, err := store.NewClient(c.url)
		must(t, err)
		defer rdb.Close()
		o := rdb.(*redis.Client).Options()
		if o.Addr != c.addr || o.Username != c.user || o.Password != c.password || o.DB != c.db ||
			(o.TLSConfig != nil) != c.tls {
			t.Errorf("%s: %s user %q password %q db %d tls %v", c.url, o.Addr, o.Username, o.Password, o.DB,
				o.TLSConfig != nil)
		}
		if !o.ContextTimeoutEnabled || o.MaxRetries > 0 || o.DialTimeout != store.DialTimeout ||
			o.ReadTimeout != store.IOTimeout || o.WriteTimeout != store.IOTimeout ||
			o.PoolTimeout != store.PoolTimeout {
			t.Errorf("%s: contexts honoured %v, %d retries, timeouts %v %v %v %v", c.url, o.ContextTimeoutEnabled,
				o.MaxRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout)
		}
		if strings.Contains(c.url, "pool_size") != (o.PoolSize == 7) {
			t.Errorf("%s: pool size %d", c.url, o.PoolSize)
		}
	}
}

func TestNewClientOfMany(t *testing.T) {
	cluster, err := store.NewClient("rediss://u:p@a:1,b:2/?read_timeout=3s")
	must(t, err)
	defer cluster.Close()
	o := cluster.(*redis.ClusterClient).Options()
	if len(o.Addrs) != 2 || o.Addrs[1] != "b:2" || o.Password != "p" || o.ReadTimeout != 3*time.Second ||
		o.TLSConfig == nil ||
		!o.ContextTimeoutEnabled || o.MaxRetries > 0 || o.ReadOnly {
		t.Errorf("cluster: %+v", o)
	}
	sentinel, err := store.NewClient("redis://:p@a:1,b:2/4?master_name=primary")
	must(t, err)
	defer sentinel.Close()
	if so := sentinel.(*redis.Client).Options(); so.DB != 4 || so.Password != "p" || !so.ContextTimeoutEnabled {
		t.Errorf("sentinel: %+v", so)
	}
}

func TestBadURL(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://x", "redis://u:secret@h:port/0", "redis://h/x", "redis://h?nonsense=1",
		"redis://u:secret%zz@h",
	} {
		_, err := store.NewClient(url)
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error %q tells the password", url, err)
		}
		if _, err := store.Open(url, "r", store.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Open(%q): %v, want ErrInvalid", url, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good, err := store.NewClient("redis://h")
	must(t, err)
	defer good.Close()
	for _, realm := range []string{"", "a b", "a}", "{a", "a:b", "*", strings.Repeat("x", 65), "é"} {
		if _, err := store.New(good, realm, store.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("realm %q: %v, want ErrInvalid", realm, err)
		}
	}
	deaf := redis.NewClient(&redis.Options{})
	defer deaf.Close()
	replicas := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{"h:1"}, ReadOnly: true, ContextTimeoutEnabled: true,
	})
	defer replicas.Close()
	for what, c := range map[string]redis.UniversalClient{
		"no ContextTimeoutEnabled": deaf, "replicas": replicas, "nil": nil,
	} {
		if _, err := store.New(c, "r", store.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
		if _, err := store.New(good, "r", store.Options{Checks: c}); c != nil && !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Checks with %s: %v, want ErrInvalid", what, err)
		}
	}
}
