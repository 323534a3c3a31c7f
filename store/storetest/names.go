package storetest

import (
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var nameTests = []test{
	{"keys of another number of name secrets are refused", namesRefused},
	{"what is held says how many secrets it is of", namesHeld},
	{"sealed names stay with what they name", sealedNames},
}

// secrets are the naming of a realm that has n name secrets.
func secrets(n uint8) port.Naming {
	if n == 0 {
		return port.Naming{}
	}
	return port.Naming{Secrets: n, Check: "0123456789abcd0" + string('0'+rune(n))}
}

// startNamed starts a ledger whose realm has n name secrets.
func (k *kit) startNamed(n uint8) {
	k.Helper()
	terms := Terms()
	terms.Names = secrets(n)
	k.must(k.Ledger.Begin(k.ctx, 1, terms))
	k.reopen()
	if d := k.describe(); d.Terms != terms {
		k.Fatalf("terms %+v, want %+v", d.Terms, terms)
	}
}

// named returns e as if its keys were made with n name secrets.
func named(e revocast.Event, n uint8) revocast.Event {
	e.Names = n
	return e
}

func namesRefused(k *kit) {
	for _, has := range []uint8{1, 2} {
		if has == 1 {
			k.startNamed(has)
		} else {
			terms := k.describe().Terms
			terms.Names = secrets(has)
			k.must(k.Ledger.SetTerms(k.ctx, terms))
		}
		before := k.describe().Position
		for _, n := range []uint8{0, 1, 2, 3} {
			var want error
			if n != has {
				want = revocast.ErrNames
			}
			_, err := k.Ledger.Commit(k.ctx, newID(), []revocast.Event{named(revoke(newID()), n)})
			k.fails("a commit", err, want)
			_, err = k.Ledger.Sight(k.ctx, port.Sighting{Issuer: key("i"), Names: n, Issued: k.describe().Now})
			k.fails("a sighting", err, want)
		}
		if at := k.describe().Position; at.Rev != before.Rev+1 {
			k.Errorf("from %s to %s, want one revision", before, at)
		}
		_, err := k.Ledger.Commit(k.ctx, newID(), []revocast.Event{
			named(revoke(newID()), has), named(revoke(newID()), has-1),
		})
		k.fails("a commit of keys that are made in two ways", err, revocast.ErrInvalid)
	}
}

func namesHeld(k *kit) {
	k.startNamed(2)
	e := named(revoke("a"), 2)
	e.Except = key("spared")
	if got := k.commit(e).Entries[0].Event; got.Names != 2 || got.Key != e.Key || got.Except != e.Except {
		k.Errorf("committed %+v", got)
	}
	k.commit(named(ban("b", k.describe().Now+hour), 2))
	held := func(what string, events []revocast.Event) {
		k.Helper()
		if len(events) == 0 {
			k.Errorf("%s: nothing", what)
		}
		for _, e := range events {
			if e.Names != 2 {
				k.Errorf("%s: %+v", what, e)
			}
		}
	}
	held("the log", k.log(revocast.Position{}))
	held("a renewal", k.renew("w", revocast.Position{}).Events)
	for _, s := range k.snapshot() {
		held("a state", s.Events())
	}
	k.Empty()
	terms := Terms()
	terms.Names = secrets(2)
	k.must(k.Ledger.Begin(k.ctx, 2, terms))
	now := k.describe().Now
	restored := named(with(revoke("c"), at(1, 3), now, now, now+hour), 2)
	if n := k.restore(2, restored); n != 1 {
		k.Errorf("restored %d", n)
	}
	k.reopen()
	held("the log of what was restored", k.log(revocast.Position{}))
}

func sealedNames(k *kit) {
	k.startNamed(1)
	first, second := "\x00\xff sealed", "sealed again"
	a := named(revoke("a"), 1)
	a.Sealed = first
	k.commit(a, named(revoke("b"), 1))
	want := func(what string, wanted ...string) {
		k.Helper()
		got, err := k.Ledger.Sealed(k.ctx, []revocast.Key{key("a"), key("b"), key("c")})
		k.must(err)
		if !slices.Equal(got, wanted) {
			k.Errorf("%s: %q, want %q", what, got, wanted)
		}
	}
	want("committed", first, "", "")
	if e := k.log(revocast.Position{})[0]; e.Sealed != first {
		k.Errorf("logged %+v", e)
	}
	if s := k.snapshot()[key("a")]; s.Sealed != first {
		k.Errorf("the state is %+v", s)
	}
	repeated := a
	repeated.Sealed = second // the same call, sealed again
	one, err := k.Ledger.Commit(k.ctx, "once", []revocast.Event{a})
	k.must(err)
	again, err := k.Ledger.Commit(k.ctx, "once", []revocast.Event{repeated})
	k.must(err)
	if again.Entries[0].Event.Position != one.Entries[0].Event.Position {
		k.Errorf("%+v became %+v", one.Entries[0], again.Entries[0])
	}
	b := named(ban("a", k.describe().Now+hour), 1)
	b.Sealed = second
	k.commit(b)
	want("a later name", second, "", "")
	k.commit(named(lift("a"), 1))
	want("a lift has none", second, "", "")
	long := named(revoke("c"), 1)
	long.Sealed = string(make([]byte, revocast.MaxSealed+1))
	_, err = k.Ledger.Commit(k.ctx, newID(), []revocast.Event{long})
	k.fails("a name that is too long", err, revocast.ErrInvalid)
	k.Empty()
	terms := Terms()
	terms.Names = secrets(1)
	k.must(k.Ledger.Begin(k.ctx, 2, terms))
	now := k.describe().Now
	a = named(with(revoke("a"), at(1, 1), now, now, now+hour), 1)
	a.Sealed = first
	k.restore(2, a)
	k.reopen()
	want("restored", first, "", "")
}
