package store_test

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// workerACL is what the package's documentation says that a worker of the class web needs.
const workerACL = `--user web on nopass resetchannels -@all +evalsha +hget +hmget +hset +hdel +hlen +hvals
	+exists +xrange +xrevrange +scan +info +time ~{rv:acl}:m:web ~{rv:acl}:l:web
	%R~{rv:acl}:meta %R~{rv:acl}:s:* %R~{rv:acl}:log`

// TestWorkerACL: with these rights a worker does all that it has to.
func TestWorkerACL(t *testing.T) {
	ctx := within(t, 10*time.Second)
	server := storetest.Redis(t, strings.Fields(workerACL)...)
	publisher, err := store.New(server.Client(), "acl", store.Options{})
	must(t, err)
	must(t, storetest.Start(ctx, publisher, 1))
	c := commit(t, publisher, "a", principal("alice"))

	worker := classLedger(t, server, "web")
	own := port.MemberID{Class: "web", Worker: "w1", Incarnation: "i"}
	renewal := port.Renewal{Member: own, Limit: 10, Reach: &port.Reach{}}
	if _, err := worker.Renew(ctx, renewal); !errors.Is(err, revocast.ErrUnavailable) ||
		!strings.Contains(err.Error(), "no publisher has let in the class web") {
		t.Errorf("a class that was not let in renews: %v", err)
	}
	if _, err := worker.Sight(ctx, port.Sighting{Issuer: c.Entries[0].Event.Key, Known: 1000}); !errors.Is(err,
		revocast.ErrUnavailable) {
		t.Errorf("a class that was not let in registers a lead: %v", err)
	}
	must(t, publisher.Admit(ctx, []string{"web"}))
	r, err := worker.Renew(ctx, renewal)
	must(t, err)
	checked, err := worker.Check(ctx, []revocast.Key{c.Entries[0].Event.Key})
	must(t, err)
	page, err := worker.Snapshot(ctx, "")
	must(t, err)
	if len(r.Events) != 1 || checked.States[0].IsZero() || len(page.States) != 1 {
		t.Errorf("a worker sees %d events, state %+v, %d states", len(r.Events), checked.States[0], len(page.States))
	}
	if s, err := worker.Sight(ctx, port.Sighting{Issuer: c.Entries[0].Event.Key, Known: 1000}); err != nil ||
		s.Lead != 1000 {
		t.Errorf("a worker cannot register a lead: %+v, %v", s, err)
	}
	if d, err := worker.Describe(ctx); err != nil || d.Lead != 1000 {
		t.Errorf("a worker cannot look at the ledger: %+v, %v", d, err)
	}
	_, err = worker.Preflight(ctx)
	must(t, err)
	m, err := publisher.Members(ctx)
	must(t, err)
	if len(m.Members) != 1 || m.Members[0].ID != own || m.Members[0].Reach == nil || len(m.Unlisted) != 0 {
		t.Errorf("members %+v", m)
	}
	must(t, worker.Leave(ctx, own))
	m, err = publisher.Members(ctx)
	must(t, err)
	if len(m.Members) != 0 || len(m.Unlisted) != 0 {
		t.Errorf("members %+v, want none", m)
	}
	if _, err := worker.Commit(ctx, "b", []revocast.Event{principal("bob")}); err == nil {
		t.Error("a worker can revoke")
	}
}

// classLedger is the ledger of a worker that logs in under the name of its class.
func classLedger(t *testing.T, server *storetest.Server, class string) *store.Ledger {
	t.Helper()
	l, err := store.Open("redis://"+class+":any@"+server.Addr(), "acl", store.Options{Class: class})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// TestScriptsAreLoadedAgain: loading that failed is tried with each look at the ledger, not ten seconds later.
func TestScriptsAreLoadedAgain(t *testing.T) {
	ctx := within(t, 10*time.Second)
	server := storetest.Redis(t, "--user", "half", "on", "nopass", "~*", "+@all", "-script|load")
	publisher, err := store.Open("redis://half:any@"+server.Addr(), "acl", store.Options{})
	must(t, err)
	defer publisher.Close()
	must(t, storetest.Start(ctx, publisher, 1))
	_, err = publisher.Describe(ctx)
	must(t, err)
	must(t, server.Client().Do(ctx, "ACL", "SETUSER", "half", "+script|load").Err())
	_, err = publisher.Describe(ctx)
	must(t, err)
	sum := sha1.Sum([]byte(store.Scripts()["renew"].Source))
	known, err := server.Client().ScriptExists(ctx, hex.EncodeToString(sum[:])).Result()
	must(t, err)
	if !known[0] {
		t.Error("the workers' scripts are not loaded")
	}
}
