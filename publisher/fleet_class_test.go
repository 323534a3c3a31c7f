package publisher

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/revocast/revocast/port"
)

// TestFleetUnlisted: where it is not known who the members of a class are, nothing but the end of the
// leases confirms, and that until the leases have run out from before the list was whole again.
func TestFleetUnlisted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l := fleetOf(t, member("a", pos(1, 9), 1))
		wait := port.DefaultTerms().Wait()
		list := port.Membership{Generation: "1", Members: l.members, Position: l.d.Position}
		unlisted := list
		unlisted.Unlisted = []string{"web"}
		f.update(unlisted, 1)
		w := f.wait(f.committedAt(pos(1, 5), "1"))
		if done(w) {
			t.Fatal("confirmed although a class is not known")
		}
		if pause, _ := f.next(f.clock.Monotonic(), f.clock.Monotonic()); pause < lookAfter {
			t.Errorf("the members are asked for again in %s", pause)
		}
		pass(10 * wait) // nobody looks while nobody waits
		if later := f.wait(f.committedAt(pos(1, 5), "1")); done(later) {
			t.Error("confirmed although a class is still not known")
		}
		f.update(unlisted, 2)
		w = f.wait(f.committedAt(pos(1, 5), "1"))
		f.update(list, 3)
		early := f.wait(f.committedAt(pos(1, 5), "1"))
		if done(w) || done(early) {
			t.Error("confirmed by a list that may still be filling")
		}
		pass(wait)
		f.settleLocked(f.clock.Monotonic())
		if !done(w) || !done(early) {
			t.Error("not confirmed when the leases had run out")
		}
		if late := f.wait(f.committedAt(pos(1, 5), "1")); !done(late) {
			t.Error("the list is whole for as long as a lease, and it is not believed")
		}
	})
}

// TestFleetAnotherLook: a generation that differs from the commit's counts once the members were
// looked at again; a class may turn its own back.
func TestFleetAnotherLook(t *testing.T) {
	f, l := fleetOf(t, member("a", pos(1, 9), 1))
	w := f.wait(f.committedAt(pos(1, 5), "2"))
	if done(w) {
		t.Fatal("confirmed by members of another generation")
	}
	f.look(t.Context())
	if !done(w) {
		t.Errorf("the members were looked at after the commit, and it is not confirmed (generation %s)", l.gen)
	}
}

// TestKeeperLetsClassesIn: those of the options that the ledger does not have, and none twice.
func TestKeeperLetsClassesIn(t *testing.T) {
	for _, test := range []struct {
		has, want []string
		calls     int
	}{
		{nil, nil, 0},
		{nil, []string{"web"}, 1},
		{[]string{"default", "web"}, []string{"web"}, 0},
		{[]string{"default", "web"}, []string{"web", "api"}, 1},
	} {
		l := openLedger(3)
		l.d.Classes = test.has
		k, _ := keeperOf(l, &busFake{record: recordOf(l.d)}, keeperOptions{classes: test.want})
		if err := k.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, call := range l.taken() {
			if strings.HasPrefix(call, "admit") {
				calls++
			}
		}
		if calls != test.calls {
			t.Errorf("%q with %q: let in %d times, want %d", test.has, test.want, calls, test.calls)
		}
	}
}
