package storetest

import (
	"fmt"
	"reflect"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var workerTests = []test{
	{"a renewal registers and counts", renewRegisters},
	{"a renewal tells what the worker accepts", renewReach},
	{"a renewal brings the log in pages", renewPages},
	{"a renewal that is ahead of the ledger", renewAhead},
	{"a renewal that the log no longer reaches", renewTrimmed},
	{"a renewal across epochs", renewAcross},
	{"what is no member", renewInvalid},
	{"check is parallel to its keys", checkParallel},
	{"check of many keys", checkMany},
	{"snapshot", snapshot},
	{"leave", leave},
	{"classes", classes},
}

func renewRegisters(k *kit) {
	k.start()
	before := k.describe().Now
	r := k.renew("w", revocast.Position{})
	if r.Position != at(1, 0) || len(r.Events) != 0 || r.More || r.Terms != Terms() || r.Now < before {
		k.Errorf("first renewal: %+v", r)
	}
	m := k.members()
	if len(m.Members) != 1 || m.Members[0].ID != member("w") || m.Members[0].Renewals == 0 ||
		m.Members[0].Version != "v1" {
		k.Fatalf("members %+v, want w", m.Members)
	}
	k.commit(revoke("a"))
	k.renew("w", at(1, 1))
	again := k.members()
	if len(again.Members) != 1 || again.Generation != m.Generation {
		k.Errorf("a second renewal made %+v out of %+v", again, m)
	}
	if got := again.Members[0]; got.Renewals <= m.Members[0].Renewals || got.Applied != at(1, 1) || got.Seen < before {
		k.Errorf("after the second renewal: %+v, before %+v", got, m.Members[0])
	}
	k.renew("v", revocast.Position{})
	if next := k.members(); len(next.Members) != 2 || next.Generation == m.Generation || next.Position != at(1, 1) {
		k.Errorf("after another member joined: %+v, before %+v", next, m)
	}
	if c := k.commit(revoke("b")); c.Generation != k.members().Generation {
		k.Errorf("commit's generation %s, the membership's %s", c.Generation, k.members().Generation)
	}
}

func renewReach(k *kit) {
	k.start()
	tell := func(reach *port.Reach, told bool) {
		k.Helper()
		r, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: member("w"), Limit: 10, Reach: reach})
		k.must(err)
		if r.Told != told {
			k.Errorf("renewal with %+v: told %v, want %v", reach, r.Told, told)
		}
	}
	holds := func(want *port.Reach) {
		k.Helper()
		m := k.members().Members
		if len(m) != 1 || !reflect.DeepEqual(m[0].Reach, want) {
			k.Errorf("members %+v, want the reach %+v", m, want)
		}
	}
	tell(nil, false)
	holds(nil)
	full := &port.Reach{
		Issuers: []port.ReachIssuer{
			{Name: "https://a.example/ü \"", KeyIDs: []string{"k1", "k2"}},
			{Name: "none", KeyIDs: []string{}},
			{Name: "unknown"},
		},
		Scopes: []revocast.Scope{revocast.ScopeToken, revocast.ScopeAll},
		Names:  2,
	}
	tell(full, true)
	holds(full)
	tell(nil, true)
	holds(full)
	tell(&port.Reach{}, true) // accepts every issuer, has seen no token
	holds(&port.Reach{})
	tell(&port.Reach{Issuers: []port.ReachIssuer{}}, true) // accepts nobody
	holds(&port.Reach{Issuers: []port.ReachIssuer{}})
	k.must(k.Ledger.Leave(k.ctx, member("w")))
	tell(nil, false)
	holds(nil)
}

func renewPages(k *kit) {
	k.start()
	for i := range 7 {
		k.commit(revokeToken(fmt.Sprint(i)))
	}
	renew := func(applied uint64, limit int) port.Renewed {
		k.Helper()
		r, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: member("w"), Applied: at(1, applied), Limit: limit})
		k.must(err)
		return r
	}
	for _, c := range []struct {
		applied uint64
		limit   int
		want    int
		more    bool
	}{{0, 3, 3, true}, {3, 3, 3, true}, {6, 3, 1, false}, {7, 3, 0, false}, {0, 7, 7, false}, {0, 8, 7, false}} {
		r := renew(c.applied, c.limit)
		if len(r.Events) != c.want || r.More != c.more || r.Position != at(1, 7) {
			k.Errorf("after %d, at most %d: %d entries, more %v, position %s", c.applied, c.limit, len(r.Events),
				r.More, r.Position)
		}
		for i, e := range r.Events {
			if want := at(1, c.applied+uint64(i)+1); e.Position != want || e.Key != key(fmt.Sprint(want.Rev-1)) {
				k.Errorf("after %d: entry %d is %+v, want %s", c.applied, i, e, want)
			}
		}
	}
}

func renewAhead(k *kit) {
	k.start()
	k.commit(revoke("a"))
	for _, applied := range []revocast.Position{at(2, 0), at(1, 2)} {
		_, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: member("w"), Applied: applied, Limit: 10})
		k.fails("applied "+applied.String()+" at a ledger at 1-1", err, revocast.ErrEpoch)
	}
	if m := k.members(); len(m.Members) != 0 {
		k.Errorf("a refused renewal registered %+v", m.Members)
	}
}

// trim fills the log, makes it durable and returns after which position it starts.
func (k *kit) trim() revocast.Position {
	k.Helper()
	var revs []uint64
	for i := range 3 * LogKeep {
		k.commit(revokeToken(fmt.Sprint("trim", i)))
		revs = append(revs, uint64(i+1))
	}
	k.acked(1, revs...)
	trimmed := k.describe().Trimmed
	if trimmed != at(1, 2*LogKeep) {
		k.Fatalf("with all of %d entries durable the log is trimmed at %s, want 1-%d", 3*LogKeep, trimmed, 2*LogKeep)
	}
	return trimmed
}

func renewTrimmed(k *kit) {
	k.start()
	trimmed := k.trim()
	for _, applied := range []revocast.Position{{}, at(1, 0), at(1, trimmed.Rev-1)} {
		_, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: member("w"), Applied: applied, Limit: 10})
		k.fails("applied "+applied.String(), err, revocast.ErrTrimmed)
	}
	if m := k.members(); len(m.Members) != 0 {
		k.Errorf("a refused renewal registered %+v", m.Members)
	}
	if r := k.renew("w", trimmed); len(r.Events) != LogKeep {
		k.Errorf("applied %s: %d entries, want %d", trimmed, len(r.Events), LogKeep)
	}
}

func renewAcross(k *kit) {
	k.start()
	k.commit(revokeToken("1"), revokeToken("2"))
	k.acked(1, 1, 2)
	k.Replace()
	k.describe()
	k.reopen()
	k.commit(revokeToken("3"))
	r := k.renew("w", at(1, 1))
	if len(r.Events) != 2 || r.Events[0].Position != at(1, 2) || r.Events[1].Position != at(2, 1) ||
		r.Position != at(2, 1) {
		k.Errorf("from 1-1 into epoch 2: %+v", r)
	}
	// More than this ledger remembers of epoch 1: it was rolled back, and what it had
	// forgotten came back under the new epoch.
	if r := k.renew("w", at(1, 99)); len(r.Events) != 1 || r.Events[0].Position != at(2, 1) {
		k.Errorf("from 1-99 into epoch 2: %+v", r)
	}
}

func renewInvalid(k *kit) {
	k.start()
	for _, id := range []port.MemberID{
		{},
		{Worker: "w"},
		{Incarnation: "i"},
		{Worker: "a/b", Incarnation: "i"},
		{Worker: "w", Incarnation: "{rv:x}"},
		{Worker: "a b", Incarnation: "i"},
		{Worker: "*", Incarnation: "i"},
	} {
		_, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: id, Limit: 10})
		k.fails("member "+id.String(), err, revocast.ErrInvalid)
	}
}

func checkParallel(k *kit) {
	k.start()
	now := k.describe().Now
	k.commit(revokeToken("t"), revoke("p"), ban("b", now+hour))
	c, err := k.Ledger.Check(k.ctx, []revocast.Key{key("none"), key("b"), key("t"), key("none"), key("p"), key("t")})
	k.must(err)
	if c.Position != at(1, 3) || c.Terms != Terms() || len(c.States) != 6 {
		k.Fatalf("checked: %+v", c)
	}
	for i, want := range []revocast.Position{{}, at(1, 3), at(1, 1), {}, at(1, 2), at(1, 1)} {
		if c.States[i].At != want || c.States[i].IsZero() != want.IsZero() {
			k.Errorf("state %d: %+v, want one of %s", i, c.States[i], want)
		}
	}
	if want := (revocast.State{
		CutOff: revocast.Forever, Floor: revocast.Forever, Until: c.States[2].Until, At: at(1, 1),
	}); c.States[2] != want {
		k.Errorf("state of the token: %+v, want %+v", c.States[2], want)
	}
	none, err := k.Ledger.Check(k.ctx, nil)
	k.must(err)
	if none.Position != at(1, 3) || len(none.States) != 0 {
		k.Errorf("check of no keys: %+v", none)
	}
}

func checkMany(k *kit) {
	k.start()
	k.commit(revokeToken("first"), revokeToken("last"))
	keys := []revocast.Key{key("first")}
	for range 2500 {
		keys = append(keys, key(newID()))
	}
	keys = append(keys, key("last"))
	c, err := k.Ledger.Check(k.ctx, keys)
	k.must(err)
	for i, s := range c.States {
		if stands := i == 0 || i == len(keys)-1; s.IsZero() == stands {
			k.Errorf("state %d of %d: %+v", i, len(keys), s)
		}
	}
}

func snapshot(k *kit) {
	k.start()
	now := k.describe().Now
	want := map[revocast.Key]revocast.Scope{}
	for range 15 {
		var batch []revocast.Event
		for range 100 {
			e := revokeToken(newID())
			want[e.Key] = e.Scope
			batch = append(batch, e)
		}
		k.commit(batch...)
	}
	k.commit(ban("b", now+hour), revoke("b"), invalidate("c"))
	want[key("b")] = revocast.ScopePrincipal
	cursor := ""
	for pages := 0; ; pages++ {
		page, err := k.Ledger.Snapshot(k.ctx, cursor)
		k.must(err)
		for _, s := range page.States {
			if scope, known := want[s.Key]; known && (scope != s.Scope || s.State != k.state(s.Key)) {
				k.Errorf("snapshot has %+v", s)
			}
			delete(want, s.Key)
		}
		if page.Next == "" {
			break
		}
		if cursor = page.Next; pages > 1_000_000 {
			k.Fatal("the snapshot does not end")
		}
	}
	if len(want) != 0 {
		k.Errorf("%d states are not in the snapshot", len(want))
	}
}

func leave(k *kit) {
	k.start()
	k.renew("w", revocast.Position{})
	k.renew("v", revocast.Position{})
	before := k.members()
	k.must(k.Ledger.Leave(k.ctx, member("nobody")))
	if m := k.members(); m.Generation != before.Generation || len(m.Members) != 2 {
		k.Errorf("an unknown member left: %+v", m)
	}
	k.must(k.Ledger.Leave(k.ctx, member("w")))
	after := k.members()
	if after.Generation == before.Generation || len(after.Members) != 1 || after.Members[0].ID != member("v") {
		k.Errorf("w left: %+v", after)
	}
	k.renew("w", revocast.Position{})
	if m := k.members(); m.Generation == after.Generation || len(m.Members) != 2 {
		k.Errorf("w came back: %+v", m)
	}
}
