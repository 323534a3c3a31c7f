package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// With Redis' memory used up nothing can be revoked, but workers go on renewing and
// checking, and the log is trimmed, which gives memory back.
func TestOutOfMemoryStopsCommitsAlone(t *testing.T) {
	server := storetest.Redis(t)
	rdb, ctx := server.Client(), t.Context()
	l, err := store.New(rdb, "oom", store.Options{})
	must(t, err)
	must(t, storetest.Start(ctx, l, 1))
	p := []revocast.Event{{Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: numbered(1)}}
	_, err = l.Commit(ctx, "", p)
	must(t, err)
	must(t, rdb.ConfigSet(ctx, "maxmemory", "1mb").Err())

	p[0].Key = numbered(2)
	if _, err := l.Commit(ctx, "", p); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Commit: %v, want ErrUnavailable", err)
	}
	member := port.MemberID{Class: "default", Worker: "w", Incarnation: "i"}
	_, err = l.Renew(ctx, port.Renewal{Member: member, Limit: 10})
	must(t, err)
	checked, err := l.Check(ctx, []revocast.Key{numbered(1)})
	must(t, err)
	if checked.States[0].IsZero() {
		t.Error("what was revoked is not known any more")
	}
	_, err = l.Verify(ctx, 1)
	must(t, err)
	_, err = l.Acked(ctx, 1, []uint64{1})
	must(t, err)
	// Without marks the log is not trimmed.
	_, err = l.Turn(ctx, "audit", "a", time.Second)
	must(t, err)
	point := port.StreamPoint{Created: 1, Sequence: 1, Stored: 1}
	must(t, l.Mark(ctx, port.StreamPoint{},
		port.StreamMark{Point: point, Complete: revocast.Position{Epoch: 1, Rev: 1}}))
}
