package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// refuses checks that Preflight refuses the server with a text that says how to mend
// it, and only warns where that is allowed.
func refuses(t *testing.T, url, mend string) {
	t.Helper()
	ctx := within(t, 10*time.Second)
	for _, allow := range []bool{false, true} {
		l, err := store.Open(url, "preflight", store.Options{AllowUnsuited: allow})
		must(t, err)
		defer l.Close()
		warnings, err := l.Preflight(ctx)
		switch {
		case !allow && (!errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), mend)):
			t.Errorf("Preflight: %v, want ErrUnsuited with %q", err, mend)
		case allow && err != nil:
			t.Errorf("Preflight with AllowUnsuited: %v", err)
		case allow && (len(warnings) == 0 || !strings.Contains(string(warnings[len(warnings)-1]), mend)):
			t.Errorf("Preflight with AllowUnsuited warns of %q, want %q", warnings, mend)
		}
	}
}

func TestPreflightOfRedis(t *testing.T) {
	for _, c := range []struct {
		name, mend string
		args       []string
	}{
		{"evicting", "CONFIG SET maxmemory-policy noeviction", []string{"--maxmemory-policy", "volatile-ttl"}},
		{"not persistent", "CONFIG SET appendonly yes", []string{"--appendonly", "no"}},
		{"INFO hidden", "+info", strings.Fields("--user default on nopass ~* &* +@all -info")},
		{
			"CONFIG hidden and no AOF", "+config|get",
			strings.Fields("--appendonly no --user default on nopass ~* &* +@all -config"),
		},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, storetest.Redis(t, c.args...).URL(), c.mend) })
	}
}

func TestPreflightOfOtherServers(t *testing.T) {
	replicas := map[string]string{"connected_slaves": "1"}
	for _, c := range []struct {
		name, mend string
		info       map[string]string
	}{
		{"old", "7.0", map[string]string{"redis_version": "6.2.14"}},
		{"replica", "primary", map[string]string{"role": "slave"}},
		{"replicas and no minimum", "CONFIG SET min-replicas-to-write 1", replicas},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, storetest.EmbeddedWith(t, c.info, nil).URL(), c.mend) })
	}
}

func TestPreflightFence(t *testing.T) {
	info := map[string]string{"connected_slaves": "1", "min_slaves_good_slaves": "1"}
	server := storetest.EmbeddedWith(t, info, map[string]string{"min-replicas-max-lag": "10"})
	l, err := store.New(server.Client(), "fence", store.Options{})
	must(t, err)
	ctx := within(t, 10*time.Second)
	if _, err := l.Preflight(ctx); err != nil {
		t.Errorf("before there are terms: %v", err)
	}
	must(t, storetest.Start(ctx, l, 1))
	terms := storetest.Terms()
	terms.Fence = 5 * time.Second
	must(t, l.SetTerms(ctx, terms))
	_, err = l.Preflight(ctx)
	if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "CONFIG SET min-replicas-max-lag 1") {
		t.Errorf("a lag of 10 s and a fence of 5 s: %v", err)
	}
	terms.Fence = store.MinFence - 1
	must(t, l.SetTerms(ctx, terms))
	if _, err = l.Preflight(ctx); !errors.Is(err, revocast.ErrUnsuited) ||
		!strings.Contains(err.Error(), "at least 3s") {
		t.Errorf("a fence that replicas are too slow for: %v", err)
	}
	terms.Fence = 0
	must(t, l.SetTerms(ctx, terms))
	if _, err = l.Preflight(ctx); !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "fence") {
		t.Errorf("replicas and no fence: %v", err)
	}
}

// TestPreflightOfReplicas: more replicas than the primary needs, and none at all.
func TestPreflightOfReplicas(t *testing.T) {
	ctx := within(t, 10*time.Second)
	fenced := storetest.Terms()
	fenced.Fence = 5 * time.Second
	for replicas, text := range map[string]string{
		"0": "no replica is connected", "1": "", "2": "CONFIG SET min-replicas-to-write 2",
	} {
		info := map[string]string{"connected_slaves": replicas, "min_slaves_good_slaves": replicas}
		server := storetest.EmbeddedWith(t, info,
			map[string]string{"min-replicas-to-write": "1", "min-replicas-max-lag": "1"})
		l, err := store.New(server.Client(), "replicas", store.Options{})
		must(t, err)
		must(t, l.Begin(ctx, 1, fenced))
		warnings, err := l.Preflight(ctx)
		must(t, err)
		if text == "" && len(warnings) != 0 || text != "" &&
			(len(warnings) != 1 || !strings.Contains(string(warnings[0]), text)) {
			t.Errorf("%s replicas: warnings %q, want %q", replicas, warnings, text)
		}
	}
}

func TestPreflightAccepts(t *testing.T) {
	for name, url := range map[string]string{
		"redis": storetest.Redis(t).URL(), "embedded": storetest.Embedded(t).URL(),
		"snapshots": storetest.Redis(t, "--appendonly", "no", "--save", "60 1").URL(),
	} {
		l, err := store.Open(url, "r", store.Options{})
		must(t, err)
		defer l.Close()
		warnings, err := l.Preflight(within(t, 10*time.Second))
		if err != nil || (len(warnings) == 0) != (name != "snapshots") {
			t.Errorf("%s: warnings %q, error %v", name, warnings, err)
		}
	}
}

// TestReplicaRefuses: scripts are writes, so a replica runs none, reads included.
func TestReplicaRefuses(t *testing.T) {
	ctx := within(t, 30*time.Second)
	primary := storetest.Redis(t)
	l := newLedger(t, primary.Client(), store.Options{})
	must(t, storetest.Start(ctx, l, 1))
	host, port, _ := strings.Cut(primary.Addr(), ":")
	replica := storetest.Redis(t, "--replicaof", host+" "+port)
	onReplica := newLedger(t, replica.Client(), store.Options{})
	if _, err := onReplica.Check(ctx, nil); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Check on a replica: %v, want ErrUnavailable", err)
	}
}

// TestCutOffPrimaryRefuses: reads as well as writes.
func TestCutOffPrimaryRefuses(t *testing.T) {
	ctx := within(t, 10*time.Second)
	rdb := storetest.Redis(t).Client()
	l := newLedger(t, rdb, store.Options{})
	must(t, storetest.Start(ctx, l, 1))
	must(t, rdb.ConfigSet(ctx, "min-replicas-to-write", "1").Err())
	if _, err := l.Check(ctx, nil); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Check on a cut-off primary: %v, want ErrUnavailable", err)
	}
	if _, err := l.Commit(ctx, "a", []revocast.Event{principal("alice")}); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Commit on a cut-off primary: %v, want ErrUnavailable", err)
	}
}
