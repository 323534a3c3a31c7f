package publisher

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func memberID(name string) port.MemberID {
	return port.MemberID{Class: "default", Worker: name, Incarnation: "1"}
}

func member(name string, applied revocast.Position, renewals uint64) port.Member {
	return port.Member{ID: memberID(name), Applied: applied, Renewals: renewals}
}

func fleetOf(t *testing.T, members ...port.Member) (*fleet, *ledgerFake) {
	t.Helper()
	l := openLedger(1)
	l.gen, l.members, l.d.Position = "1", members, pos(1, 1<<20)
	terms := port.DefaultTerms()
	f := newFleet(partTools(l, &busFake{}, io.Discard).base, l, func() *port.Terms { return &terms })
	f.update(port.Membership{Generation: l.gen, Members: members, Position: l.d.Position}, 0)
	return f, l
}

// committedAt is a commit that the membership of a generation has to apply.
func (f *fleet) committedAt(last revocast.Position, text string) batch {
	return batch{
		last: last, generation: generation{last.Epoch, text}, since: f.clock.Monotonic(),
		terms: port.DefaultTerms(),
	}
}

func done(w *fleetWaiter) bool { return len(w.done) > 0 }

func TestFleetWaitsForTheLastMember(t *testing.T) {
	f, _ := fleetOf(t, member("a", pos(1, 3), 1), member("b", pos(1, 4), 1), member("c", pos(1, 3), 1))
	w := f.wait(f.committedAt(pos(1, 4), "1"))
	for i, name := range []string{"b", "a", "stranger", "c"} {
		if done(w) {
			t.Fatalf("confirmed before %q had applied it", name)
		}
		f.acknowledge(port.Ack{Member: memberID(name), Applied: pos(1, 4+uint64(i))})
	}
	if !done(w) {
		t.Fatal("every member has applied it, and it is not confirmed")
	}
	if by, _ := w.applied(t.Context()); by.tally != (revocast.Tally{Live: 3, Confirmed: 3}) || by.realm != "test" ||
		by.reach == nil {
		t.Errorf("confirmed by %+v", by)
	}
	if w := f.wait(f.committedAt(pos(1, 4), "1")); !done(w) {
		t.Error("what all members have applied before is not confirmed")
	}
}

// TestFleetOfAnotherGeneration: members as of before the commit, of a later epoch, or of a
// look that was begun too early are not those that have to be waited for.
func TestFleetOfAnotherGeneration(t *testing.T) {
	for _, test := range []struct {
		what       string
		generation generation
		look       uint64
		known      bool
	}{
		{"the same", generation{1, "1"}, 0, true},
		{"an earlier one", generation{1, "0"}, 0, false},
		{"a later one", generation{1, "2"}, 0, false},
		{"the members are of a later epoch", generation{0, "1"}, 0, false},
		{"the members are of an earlier epoch", generation{2, "1"}, 0, false},
		{"a later look is asked for", generation{1, "1"}, 1, false},
	} {
		f, _ := fleetOf(t, member("a", pos(3, 9), 1))
		w := &fleetWaiter{
			position: pos(1, 1), generation: test.generation, look: test.look,
			deadline: time.Hour * 1e6, done: make(chan outcome, 1),
		}
		if got := f.knownLocked(w); got != test.known {
			t.Errorf("%s: known %t, want %t", test.what, got, test.known)
		}
	}
}

func TestFleetWithoutMembers(t *testing.T) {
	f, _ := fleetOf(t)
	if w := f.wait(f.committedAt(pos(1, 1), "1")); !done(w) {
		t.Error("nobody has to apply it, and it is not confirmed")
	}
	b := f.committedAt(pos(1, 1), "1")
	b.askMembers = true
	w := f.wait(b)
	if done(w) {
		t.Fatal("confirmed before anybody has asked who the members are")
	}
	f.look(t.Context())
	if !done(w) {
		t.Error("not confirmed after the members were asked for")
	}
	w = f.wait(f.committedAt(pos(2, 1), "1")) // of an epoch whose members are not known
	f.settleLocked(w.deadline - 1)
	if done(w) {
		t.Error("confirmed before the deadline")
	}
	f.settleLocked(w.deadline)
	if by, _ := w.applied(t.Context()); by.reach == nil {
		t.Error("nobody is there, and nobody is warned of it")
	}
	w = f.wait(f.committedAt(pos(2, 1), "1"))
	w.cancel()
	if len(f.waiters) != 0 {
		t.Error("a waiter that was cancelled is still there")
	}
}

// TestFleetDeadline: at the deadline, and no earlier, a revocation counts as confirmed without
// the member that is behind. That one is struck off when its counter has stood still for W.
func TestFleetDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l := fleetOf(t, member("a", pos(1, 1), 1), member("b", pos(1, 1), 1))
		stop := running(t, f.run)
		defer stop()
		f.acknowledge(port.Ack{Member: l.members[1].ID, Applied: pos(1, 2)})
		began, wait := time.Now(), port.DefaultTerms().Wait()
		by, err := f.wait(f.committedAt(pos(1, 2), "1")).applied(t.Context())
		if err != nil || by.tally != (revocast.Tally{Live: 2, Confirmed: 1, Lapsed: 1}) {
			t.Errorf("%+v, %v", by, err)
		}
		if took := time.Since(began); took < wait || took > wait+10*time.Millisecond {
			t.Errorf("confirmed after %s, want %s", took, wait)
		}
		l.members[1].Applied = pos(1, 2)
		l.members[1].Renewals++
		pass(time.Second)
		if got := l.taken(); len(got) == 0 || got[0] != "strike default/a/1" || f.struck.Load() == 0 {
			t.Errorf("calls %q, %d struck off", got, f.struck.Load())
		}
		l.members = l.members[1:]
		pass(time.Second)
		l.taken()
		pass(time.Minute)
		l.want(t) // nobody waits, and nobody is chased
	})
}

// TestFleetMerge: a member's counter is carried over only if nothing else has changed.
func TestFleetMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			what   string
			change func(*port.Membership)
			still  bool
		}{
			{"nothing", func(*port.Membership) {}, true},
			{"the counter", func(m *port.Membership) { m.Members[0].Renewals++ }, false},
			{"the time seen", func(m *port.Membership) { m.Members[0].Seen++ }, false},
			{"the epoch", func(m *port.Membership) { m.Position.Epoch++ }, false},
		} {
			f, l := fleetOf(t, member("a", pos(1, 1), 5))
			wait := port.DefaultTerms().Wait()
			pass(wait)
			m := port.Membership{Generation: "1", Members: []port.Member{l.members[0]}, Position: l.d.Position}
			test.change(&m)
			f.update(m, 1)
			if gone := f.lapsed(); (len(gone) == 1) != test.still {
				t.Errorf("%s changed: lapsed %v, want %t", test.what, gone, test.still)
			} else if test.still && gone[0].Still != wait {
				t.Errorf("it stood still for %s, want %s", gone[0].Still, wait)
			}
		}
	})
}

func TestFleetKeepsEarlyAcknowledgements(t *testing.T) {
	f, l := fleetOf(t)
	early := member("a", pos(1, 1), 1)
	f.acknowledge(port.Ack{Member: early.ID, Applied: pos(1, 3)})
	f.acknowledge(port.Ack{Member: early.ID, Applied: pos(1, 2)})
	f.acknowledge(port.Ack{Member: port.MemberID{Class: "default", Worker: "stranger"}, Applied: pos(1, 2)})
	list := []port.Member{early}
	f.freshen(list)
	if list[0].Applied != pos(1, 3) {
		t.Errorf("a member that is not known yet has applied %s, want what it acknowledged", list[0].Applied)
	}
	f.update(port.Membership{Generation: "2", Members: []port.Member{early}, Position: l.d.Position}, 1)
	if got := f.members[early.ID].Applied; got != pos(1, 3) {
		t.Errorf("applied %s, want what it acknowledged before it was known", got)
	}
	if f.strangers.Load() != 1 {
		t.Errorf("%d strangers, want 1", f.strangers.Load())
	}
	f.update(port.Membership{Generation: "2", Members: []port.Member{early}, Position: l.d.Position}, 2)
	if got := f.members[early.ID].Applied; got != pos(1, 3) {
		t.Errorf("applied %s: a later look took it back", got)
	}
}

// TestFleetSaysNoReachOfOthers: if an epoch's members are not known, neither is what they accept.
func TestFleetSaysNoReachOfOthers(t *testing.T) {
	f, _ := fleetOf(t, member("a", pos(1, 1), 1))
	known, unknown := f.wait(f.committedAt(pos(1, 2), "1")), f.wait(f.committedAt(pos(2, 2), "1"))
	f.settleLocked(known.deadline)
	f.settleLocked(unknown.deadline)
	if by, _ := known.applied(t.Context()); by.reach == nil {
		t.Error("the members are known, and what they accept is not")
	}
	if by, _ := unknown.applied(t.Context()); by.reach != nil {
		t.Error("the members are those of another epoch")
	}
}

func TestFleetMemoryOfStrangersIsBounded(t *testing.T) {
	f, _ := fleetOf(t)
	for i := range maxEarly + 1 {
		f.acknowledge(port.Ack{Member: port.MemberID{Class: "default", Worker: string(rune(i))}, Applied: pos(1, 1)})
	}
	if len(f.early) != maxEarly {
		t.Errorf("%d are kept, want %d", len(f.early), maxEarly)
	}
}

func TestFleetNext(t *testing.T) {
	f, _ := fleetOf(t, member("a", pos(1, 1), 1))
	const now = time.Hour
	if pause, look := f.next(now, 0); pause != time.Hour || look {
		t.Errorf("nobody waits: pause %s, look %t", pause, look)
	}
	w := f.wait(f.committedAt(pos(1, 2), "1"))
	w.since, w.deadline = now, now+3*time.Second
	for _, test := range []struct {
		what       string
		looked     time.Duration
		generation generation
		pause      time.Duration
		look       bool
	}{
		{"acknowledgements are on their way", now - lookEvery, generation{1, "1"}, lookAfter, false},
		{"looked just now", now, generation{1, "1"}, lookEvery, false},
		{"what members accept is old", now - reachLife, generation{1, "1"}, 0, true},
		{"the members are not known", now, generation{1, "2"}, joinEvery, false},
		{"and it is time to ask", now - joinEvery, generation{1, "2"}, 0, true},
		{"the members are of a later epoch", now - joinEvery, generation{0, "2"}, lookEvery - joinEvery, false},
	} {
		w.generation = test.generation
		if pause, look := f.next(now, test.looked); pause != test.pause || look != test.look {
			t.Errorf("%s: pause %s, look %t; want %s, %t", test.what, pause, look, test.pause, test.look)
		}
	}
	w.cancel()
	f.chase = pos(1, 2)
	if _, look := f.next(now, now-lookEvery); !look {
		t.Error("a member that is chased is not looked at")
	}
	if pause, look := f.next(now, now-lookEvery+1); pause != time.Millisecond || look {
		t.Errorf("too early: pause %s, look %t", pause, look)
	}
}

func TestFleetTellsWhoIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l := fleetOf(t, member("heard", pos(1, 1), 1), member("mute", pos(1, 1), 1), member("new", pos(1, 1), 1))
		f.acknowledge(port.Ack{Member: l.members[0].ID, Applied: pos(1, 2)})
		l.members[0].Applied, l.members[1].Applied, l.members[2].Applied = pos(1, 2), pos(1, 2), pos(1, 1)
		w := f.wait(f.committedAt(pos(1, 2), "1"))
		f.update(port.Membership{Generation: "1", Members: l.members[:2], Position: l.d.Position}, 1)
		if !done(w) {
			t.Fatal("not confirmed")
		}
		pass(silentAfter - 1)
		if names := f.silent(); len(names) != 0 {
			t.Errorf("%q are silent before their word could come", names)
		}
		pass(1)
		if names := f.silent(); len(names) != 1 || names[0] != "mute" {
			t.Errorf("silent: %q", names)
		}
		got := f.answering(l.members)
		if got[0] != AnswersBus || got[1] != AnswersRenewal || got[2] != AnswersUnknown {
			t.Errorf("answering %v", got)
		}
		f.acknowledge(port.Ack{Member: l.members[1].ID, Applied: pos(1, 2)})
		if names := f.silent(); len(names) != 0 {
			t.Errorf("%q are silent after they were heard", names)
		}
	})
}

func TestAnsweringHasNames(t *testing.T) {
	for a, want := range map[Answering]string{
		AnswersUnknown: "", AnswersBus: "bus", AnswersRenewal: "renewal",
		9: "renewal",
	} {
		if got := a.String(); got != want {
			t.Errorf("%d is %q, want %q", a, got, want)
		}
	}
}
