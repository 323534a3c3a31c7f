package storetest

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var markTests = []test{
	{"a mark is described as it was set", markDescribed},
	{"a mark replaces the one that it was compared with", markCompared},
	{"what a mark may not say", markRefused},
	{"a mark outlives another server and ends with its successor", markAcross},
	{"the first mark is a witness until the stream may drop it", witnessOldest},
	{"witnesses are of the mark's stream, and before the mark", witnessOfStream},
	{"witnesses follow one another", witnessNext},
	{"a refilled stream has no witnesses of before", witnessAfresh},
	{"the first witness is what the mark rests on", witnessBegin},
	{"the log is not trimmed past the mark", markHoldsLog},
	{"a ledger without a mark is trimmed", noMarkHoldsNothing},
	{"a turn is one holder's", turn},
	{"a turn ends", turnEnds},
}

// created is when the tests' stream was made. No Lua number holds it, nor sequences
// such as these.
const (
	created  = 1_763_788_081_123_456_789
	sequence = 18_446_744_073_709_551_000
)

func point(sequence uint64, stored int64) port.StreamPoint {
	return port.StreamPoint{Created: created, Sequence: sequence, Event: at(1, sequence%1000), Stored: stored}
}

// mark sets a mark in place of the one that stands.
func (k *kit) mark(p port.StreamPoint, complete revocast.Position) {
	k.Helper()
	k.must(k.Ledger.Mark(k.ctx, k.describe().Mark.Point, port.StreamMark{Point: p, Complete: complete}))
}

func markDescribed(k *kit) {
	k.start()
	if d := k.describe(); d.Mark != (port.StreamMark{}) || d.Marked != 0 || d.Witness != (port.StreamPoint{}) {
		k.Errorf("before the first mark: %+v, %d, witness %+v", d.Mark, d.Marked, d.Witness)
	}
	k.commit(revoke("a"))
	now := k.describe().Now
	want := port.StreamMark{
		Point: point(sequence, now-5), From: sequence - 3, Complete: at(1, 1), Missing: sequence - 9,
	}
	k.must(k.Ledger.Mark(k.ctx, k.describe().Mark.Point, want))
	d := k.describe()
	if d.Mark != want || d.Marked < now || d.Marked > d.Now || d.Witness != want.Point {
		k.Errorf("marked %+v\nas described %+v at %d, witness %+v", want, d.Mark, d.Marked, d.Witness)
	}
	if d.Durable != at(1, 0) {
		k.Errorf("a mark made %s durable: acknowledgements do", d.Durable)
	}
}

func markCompared(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"))
	now := k.describe().Now
	first := port.StreamMark{Point: point(sequence, now), Complete: at(1, 2)}
	set := func(what string, was port.StreamPoint, m port.StreamMark, want error) {
		k.Helper()
		before := k.describe().Mark
		k.fails(what, k.Ledger.Mark(k.ctx, was, m), want)
		if want == nil {
			before = m
		}
		if d := k.describe(); d.Mark != before {
			k.Errorf("%s: the mark is %+v, want %+v", what, d.Mark, before)
		}
	}
	set("first, after one that never was", point(1, now), first, revocast.ErrConflict)
	set("first", port.StreamPoint{}, first, nil)
	set("the same once more, its answer was lost", port.StreamPoint{}, first, nil)
	next := port.StreamMark{Point: point(sequence+1, now+1), Complete: at(1, 2)}
	set("after none", port.StreamPoint{}, next, revocast.ErrConflict)
	set("after one further on", point(sequence+1, now), next, revocast.ErrConflict)
	set("after one a digit shorter", point(sequence/10, now), next, revocast.ErrConflict)
	made := first.Point
	made.Created++
	set("after one of another stream", made, next, revocast.ErrConflict)
	was := first.Point
	was.Event, was.Stored = revocast.Position{}, 0
	set("by Created and Sequence alone", was, next, nil)
	back := port.StreamMark{Point: point(3, now+2), Complete: at(1, 1)}
	set("back", next.Point, back, nil)
	other := port.StreamMark{Point: port.StreamPoint{Created: created + 1}, Complete: at(1, 2)}
	set("of another stream, empty", back.Point, other, nil)
}

func markRefused(k *kit) {
	k.start()
	k.commit(revoke("a"))
	p := point(1, k.describe().Now)
	for what, c := range map[string]struct {
		m    port.StreamMark
		want error
	}{
		"an earlier epoch":             {port.StreamMark{Point: p, Complete: at(0, 1)}, revocast.ErrEpoch},
		"a later epoch":                {port.StreamMark{Point: p, Complete: at(2, 0)}, revocast.ErrEpoch},
		"a revision that is not there": {port.StreamMark{Point: p, Complete: at(1, 2)}, revocast.ErrInvalid},
		"no stream":                    {port.StreamMark{Complete: at(1, 1)}, revocast.ErrInvalid},
	} {
		k.fails(what, k.Ledger.Mark(k.ctx, port.StreamPoint{}, c.m), c.want)
	}
	if d := k.describe(); d.Mark != (port.StreamMark{}) {
		k.Errorf("refused marks left %+v", d.Mark)
	}
}

func markAcross(k *kit) {
	k.start()
	k.commit(revoke("a"))
	first := point(7, k.describe().Now-1000)
	k.must(k.Ledger.Mark(k.ctx, port.StreamPoint{}, port.StreamMark{Point: first, Complete: at(1, 1), Missing: 4}))
	before := k.describe()
	k.Replace()
	if d := k.describe(); d.Mark != before.Mark || d.Marked != before.Marked || d.Witness != before.Witness {
		k.Errorf("on another server the mark is %+v, witness %+v; before %+v", d.Mark, d.Witness, before)
	}
	d := k.describe()
	k.restore(2, with(revoke("lost"), at(1, 2), d.Now, d.Now, d.Now+hour))
	o := opening(d)
	o.Stream = point(9, d.Now)
	k.must(k.Ledger.Open(k.ctx, o))
	d = k.describe()
	if want := (port.StreamMark{
		Point: o.Stream, From: o.Stream.Sequence, Complete: at(2, 1), Missing: 4,
	}); d.Mark != want || d.Witness != first {
		k.Errorf("opened with mark %+v, want %+v; witness %+v, want still %+v", d.Mark, want, d.Witness, first)
	}
	if d.Opened != 2 || d.OpenedBy != d.Server {
		k.Errorf("opened as epoch %d by %q, want 2 by %q", d.Opened, d.OpenedBy, d.Server)
	}
	k.Replace()
	k.describe()
	k.reopen()
	if d = k.describe(); d.Mark != (port.StreamMark{}) || d.Marked != 0 || d.Witness != (port.StreamPoint{}) {
		k.Errorf("opened by one who cannot tell where the stream ends: %+v, witness %+v", d.Mark, d.Witness)
	}
}

// keeps is how long the tests' stream keeps an event.
func keeps() int64 { return Terms().StreamOptions().MaxAge }

func witnessOldest(k *kit) {
	k.start()
	now := k.describe().Now
	empty := port.StreamPoint{Created: created}
	k.mark(empty, at(1, 0))
	if w := k.describe().Witness; w != (port.StreamPoint{}) {
		k.Errorf("an empty stream has the witness %+v", w)
	}
	old := point(5, now-keeps()+60_000)
	k.mark(old, at(1, 0))
	for i := range uint64(20) {
		k.mark(point(6+i, now+int64(i)), at(1, 0))
	}
	if w := k.describe().Witness; w != old {
		k.Errorf("witness %+v, want the first mark's point %+v", w, old)
	}
	// The stream keeps events for less from now on.
	terms := Terms()
	for i := range terms.MaxLifetime {
		terms.MaxLifetime[i] -= 30 * time.Minute
	}
	k.must(k.Ledger.SetTerms(k.ctx, terms))
	if w := k.describe().Witness; w == old {
		k.Errorf("witness %+v, which the stream may have dropped", w)
	}
	k.mark(point(30, now+30), at(1, 0))
	if w := k.describe().Witness; w.Sequence < 6 {
		k.Errorf("witness %+v, want one that the stream must have", w)
	}
}

func witnessOfStream(k *kit) {
	k.start()
	now := k.describe().Now
	k.mark(point(5, now-60_000), at(1, 0))
	k.mark(point(9, now), at(1, 0))
	// Cut off before the witness, and filled again.
	k.mark(point(4, now+1), at(1, 0))
	if w := k.describe().Witness; w.Sequence > 4 {
		k.Errorf("the mark went back to 4, and the witness is %+v", w)
	}
	k.must(k.Ledger.Mark(k.ctx, k.describe().Mark.Point,
		port.StreamMark{Point: point(8, now+2), Complete: at(1, 0), Afresh: true}))
	if d := k.describe(); d.Witness != point(8, now+2) || d.Mark.Point != d.Witness {
		k.Errorf("the stream was refilled, and the witness is %+v", d.Witness)
	}
	made := point(50, now+2)
	made.Created++
	k.mark(made, at(1, 0))
	if w := k.describe().Witness; w != made {
		k.Errorf("the stream was made again, and the witness is %+v, want %+v", w, made)
	}
}

// witnessNext: when one goes, another one that is hardly younger takes its place.
func witnessNext(k *kit) {
	k.start()
	now := k.describe().Now
	step := keeps() / 256
	oldest := now - keeps() - 10*step
	for i := range int64(200) {
		k.mark(point(uint64(i+1), oldest+i*step), at(1, 0))
	}
	w := k.describe().Witness
	if w.Stored < now-keeps() || w.Stored > now-keeps()+2*step {
		k.Errorf("the oldest witness is %d ms old, want %d or at most %d less", now-w.Stored, keeps(), 2*step)
	}
}

func markHoldsLog(k *kit) {
	k.start()
	now := k.describe().Now
	k.mark(point(1, now), at(1, 0))
	var revs []uint64
	for i := range uint64(3 * LogKeep) {
		k.commit(revokeToken(newID()))
		revs = append(revs, i+1)
	}
	if got := k.acked(1, revs...); got != at(1, 3*LogKeep) {
		k.Errorf("durable %s: the mark has no say in that", got)
	}
	trimmed := func(want revocast.Position) {
		k.Helper()
		if d := k.describe(); d.Trimmed != want {
			k.Errorf("trimmed at %s, want %s; marked complete up to %s", d.Trimmed, want, d.Mark.Complete)
		}
	}
	trimmed(revocast.Position{})
	k.mark(point(2, now+1), at(1, LogKeep))
	k.acked(1)
	trimmed(at(1, LogKeep))
	k.mark(point(3, now+2), at(1, 3*LogKeep))
	k.acked(1)
	trimmed(at(1, 2*LogKeep))
}

func noMarkHoldsNothing(k *kit) {
	k.start()
	k.trim()
}

func turn(k *kit) {
	k.start()
	take := func(task, holder string, want bool) {
		k.Helper()
		mine, err := k.Ledger.Turn(k.ctx, task, holder, time.Hour)
		k.must(err)
		if mine != want {
			k.Errorf("%s takes the turn for %s: %v, want %v", holder, task, mine, want)
		}
	}
	take("audit", "a", true)
	take("audit", "b", false)
	take("audit", "a", true)
	take("canary", "b", true)
	take("audit", "b", false)
}

func turnEnds(k *kit) {
	k.start()
	mine, err := k.Ledger.Turn(k.ctx, "audit", "a", time.Millisecond)
	k.must(err)
	if !mine {
		k.Error("the turn is somebody's before anybody took it")
	}
	k.must(Eventually(k.ctx, func() error {
		mine, err := k.Ledger.Turn(k.ctx, "audit", "b", time.Hour)
		if err == nil && !mine {
			err = fmt.Errorf("the turn is still a's")
		}
		return err
	}))
}

func witnessAfresh(k *kit) {
	k.start()
	now := k.describe().Now
	k.mark(point(sequence, now-5), at(1, 0))
	k.must(k.Ledger.Mark(k.ctx, point(sequence, now-5), port.StreamMark{Point: port.StreamPoint{
		Created: created, Sequence: sequence + 9,
	}, Complete: at(1, 0), Afresh: true}))
	if d := k.describe(); d.Witness != (port.StreamPoint{}) || d.Mark.Point.Sequence != sequence+9 || d.Mark.Afresh {
		k.Errorf("%+v", d)
	}
}

func witnessBegin(k *kit) {
	k.start()
	now := k.describe().Now
	begin, end := point(3, now-10), point(sequence, now-5)
	m := port.StreamMark{Point: end, From: sequence, Complete: at(1, 0), Begin: begin}
	for range 2 { // a lost reply makes a client run it again
		k.must(k.Ledger.Mark(k.ctx, port.StreamPoint{}, m))
		d := k.describe()
		if d.Witness != begin {
			k.Errorf("witness %+v, want %+v", d.Witness, begin)
		}
		if m := d.Mark; m.Point != end || m.Begin != (port.StreamPoint{}) {
			k.Errorf("mark %+v", m)
		}
	}
	next := port.StreamMark{Point: point(sequence+9, now), Complete: at(1, 0), Begin: point(sequence+1, now)}
	k.must(k.Ledger.Mark(k.ctx, end, next))
	if w := k.describe().Witness; w != begin {
		k.Errorf("with a witness there, the mark's beginning %+v replaced it", w)
	}

	epoch := k.describe().Position.Epoch + 1
	k.must(k.Ledger.Reopen(k.ctx, epoch, k.describe().Server))
	o := opening(k.describe())
	o.Begin, o.Stream = point(1, now-20), point(2, now-15)
	k.must(k.Ledger.Open(k.ctx, o))
	if w := k.describe().Witness; w != o.Begin {
		k.Errorf("opened after a replay from %+v, and the witness is %+v", o.Begin, w)
	}
}
