package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// workerACL is what the package's documentation says that a worker needs.
const workerACL = `--user w1 on nopass -@all +@read +@write +@scripting +info +time
	~{rv:acl}:meta ~{rv:acl}:members ~{rv:acl}:acked ~{rv:acl}:m:default/w1/*
	~{rv:acl}:m:leads %R~{rv:acl}:s:* %R~{rv:acl}:log`

// TestWorkerACL: one worker can neither speak for another nor change a revocation.
func TestWorkerACL(t *testing.T) {
	ctx := within(t, 10*time.Second)
	server := storetest.Redis(t, strings.Fields(workerACL)...)
	publisher, err := store.New(server.Client(), "acl", store.Options{})
	must(t, err)
	must(t, storetest.Start(ctx, publisher, 1))
	c := commit(t, publisher, "a", principal("alice"))

	worker, err := store.Open("redis://w1:any@"+server.Addr(), "acl", store.Options{})
	must(t, err)
	defer worker.Close()
	own := port.MemberID{Class: "default", Worker: "w1", Incarnation: "i"}
	r, err := worker.Renew(ctx, port.Renewal{Member: own, Limit: 10})
	must(t, err)
	checked, err := worker.Check(ctx, []revocast.Key{c.Entries[0].Event.Key})
	must(t, err)
	page, _, err := worker.Snapshot(ctx, "")
	must(t, err)
	if len(r.Events) != 1 || checked.States[0].IsZero() || len(page) != 1 {
		t.Errorf("a worker sees %d events, state %+v, %d states", len(r.Events), checked.States[0], len(page))
	}
	if s, err := worker.Sight(ctx, port.Sighting{Issuer: c.Entries[0].Event.Key, Known: 1000}); err != nil ||
		s.Lead != 1000 {
		t.Errorf("a worker cannot register a lead: %+v, %v", s, err)
	}
	if _, err := worker.Describe(ctx); err != nil {
		t.Errorf("a worker cannot look at the ledger: %v", err)
	}
	must(t, worker.Leave(ctx, own))

	other := port.MemberID{Class: "default", Worker: "w2", Incarnation: "i"}
	_, err = worker.Renew(ctx, port.Renewal{Member: other, Limit: 10})
	if !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("w1 renewing as w2: %v, want ErrUnavailable", err)
	}
	if _, err := worker.Commit(ctx, "b", []revocast.Event{principal("bob")}); err == nil {
		t.Error("a worker can revoke")
	}
	m, err := publisher.Members(ctx)
	must(t, err)
	if len(m.Members) != 0 {
		t.Errorf("members %+v, want none", m.Members)
	}
}
