package storetest

import (
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var moveTests = []test{
	{"states get other keys", namesMove},
	{"a state that was restored under its new key is merged", namesMerge},
	{"leads of before a move count for every issuer", namesMoveLeads},
	{"a realm keeps its names where they cannot be moved", namesStay},
}

// renamed is the key that a name has under the new names of these tests.
func renamed(name string) revocast.Key {
	k := key(name)
	k[0] ^= 0xff
	return k
}

func namesMove(k *kit) {
	k.start()
	a := revoke("a")
	a.Except = key("spared")
	k.commit(a, ban("b", k.describe().Now+hour))
	before := k.describe()
	k.must(k.Ledger.MoveNames(k.ctx, 2, secrets(1)))
	k.must(k.Ledger.MoveNames(k.ctx, 2, secrets(1))) // its answer was lost
	d := k.describe()
	want := before.Terms
	want.Names = secrets(1)
	if d.State != port.LedgerRecovering || d.Position != at(2, 0) || d.Terms != want || !d.Rekey || d.Settled {
		k.Fatalf("moving: %+v", d)
	}
	_, err := k.Ledger.Check(k.ctx, []revocast.Key{key("a")})
	k.fails("Check", err, revocast.ErrRecovering)
	_, err = k.Ledger.Log(k.ctx, at(1, 1), 10)
	k.fails("Log", err, revocast.ErrTrimmed)
	k.fails("Open before the states are moved", Reopen(k.ctx, k.Ledger), revocast.ErrNames)
	old := map[revocast.Key]port.KeyedState{}
	for cursor := ""; ; {
		page, err := k.Ledger.OldNames(k.ctx, cursor)
		k.must(err)
		for _, s := range page.States {
			old[s.Key] = s
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(old) != 2 || old[key("a")].State.Except != key("spared") || old[key("a")].Names != 0 {
		k.Fatalf("under old keys: %+v", old)
	}
	move := []port.Rekeyed{
		{From: key("a"), To: renamed("a"), Except: renamed("spared")},
		{From: key("b"), To: renamed("b")},
		{From: key("gone"), To: renamed("gone")},
	}
	for range 2 {
		k.must(k.Ledger.Rekey(k.ctx, 2, move))
	}
	k.must(k.Ledger.Rekey(k.ctx, 2, nil))
	k.reopen()
	if d := k.describe(); d.Rekey || d.Born-d.Gone != 2 {
		k.Errorf("moved: %+v", d)
	}
	if s := k.state(renamed("a")); s.Except != renamed("spared") || s.CutOff == 0 {
		k.Errorf("a is %+v", s)
	}
	if s := k.state(renamed("b")); s.Ban.Until == 0 {
		k.Errorf("b is %+v", s)
	}
	for key, s := range k.snapshot() {
		if s.Names != 1 || key != renamed("a") && key != renamed("b") {
			k.Errorf("held: %+v", s)
		}
	}
	_, err = k.Ledger.Renew(k.ctx, port.Renewal{Member: member("w"), Applied: at(1, 1), Limit: 10})
	k.fails("a worker that knows a part of the old log", err, revocast.ErrTrimmed)
	// What covers another revocation may be missing in the stream, and is logged again.
	again := named(revoke("a"), 1)
	again.Key = renamed("b")
	again.CutOff = 1
	if c := k.commit(again); !c.Entries[0].Fresh {
		k.Errorf("%+v", c.Entries[0])
	}
}

func namesMerge(k *kit) {
	k.start()
	a := revoke("a")
	a.Except = key("spared")
	k.commit(a, revoke("b"))
	k.must(k.Ledger.MoveNames(k.ctx, 2, secrets(1)))
	now := k.describe().Now
	for _, name := range []string{"a", "b"} {
		e := named(with(ban(name, 0), at(1, 9), now, 0, now+2*hour), 1)
		e.Key = renamed(name)
		k.restore(2, e)
	}
	k.must(k.Ledger.Rekey(k.ctx, 2, []port.Rekeyed{
		{From: key("a"), To: renamed("a"), Except: renamed("spared")}, {From: key("b"), To: renamed("b")},
	}))
	k.must(k.Ledger.Rekey(k.ctx, 2, nil))
	k.reopen()
	for _, name := range []string{"a", "b"} {
		s := k.state(renamed(name))
		if s.CutOff == 0 || s.Ban.Until != now+2*hour || (name == "a") != (s.Except == renamed("spared")) {
			k.Errorf("%s is %+v", name, s)
		}
	}
	if d := k.describe(); d.Born-d.Gone != 2 || len(k.snapshot()) != 2 {
		k.Errorf("%d states are counted", d.Born-d.Gone)
	}
}

// namesMoveLeads: nobody can say whose the leads are that were registered under the old names.
func namesMoveLeads(k *kit) {
	k.start()
	k.show("i", 4000)
	k.must(k.Ledger.MoveNames(k.ctx, 2, secrets(1)))
	k.must(k.Ledger.Rekey(k.ctx, 2, nil))
	k.reopen()
	lead := func(issuer string) int64 {
		k.Helper()
		e := named(revoke(newID()), 1)
		e.Reckoned = of(issuer)
		got := k.commit(e).Entries[0].Event
		return got.CutOff - got.At
	}
	for turn := range uint64(3) {
		want := int64(4000)
		if turn == 2 {
			want = 0
		}
		k.leads(fmt.Sprintf("of another issuer after %d turns", turn), lead("j"), want)
		_, err := k.Ledger.TurnLeads(k.ctx, turn)
		k.must(err)
	}
}

func namesStay(k *kit) {
	k.fails("of no realm", k.Ledger.MoveNames(k.ctx, 2, secrets(1)), revocast.ErrUninitialised)
	k.startNamed(2)
	k.fails("to fewer", k.Ledger.MoveNames(k.ctx, 2, secrets(1)), revocast.ErrInvalid)
	k.fails("within the epoch", k.Ledger.MoveNames(k.ctx, 1, secrets(3)), revocast.ErrEpoch)
	k.fails("of an open ledger", k.Ledger.Rekey(k.ctx, 1, nil), revocast.ErrEpoch)
	if d := k.describe(); d.State != port.LedgerOpen || d.Terms.Names != secrets(2) {
		k.Fatalf("%+v", d)
	}
	k.must(k.Ledger.MoveNames(k.ctx, 2, secrets(3)))
	k.fails("of another epoch", k.Ledger.Rekey(k.ctx, 3, nil), revocast.ErrEpoch)
	k.fails("in another epoch", k.Ledger.MoveNames(k.ctx, 3, secrets(4)), revocast.ErrEpoch)
	k.must(k.Ledger.MoveNames(k.ctx, 2, secrets(4))) // while it recovers
	k.must(k.Ledger.Rekey(k.ctx, 2, nil))
	k.reopen()
	if d := k.describe(); d.Terms.Names != secrets(4) {
		k.Errorf("%+v", d.Terms.Names)
	}
	k.must(k.Ledger.Fence(k.ctx, 2))
	k.fails("of a fenced ledger", k.Ledger.MoveNames(k.ctx, 3, secrets(5)), revocast.ErrFenced)
}
