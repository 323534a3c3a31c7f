package publisher

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// steps are the four steps of a confirmation, which a test takes one at a time.
type steps struct {
	notes
	f       *fleet
	answers map[revocast.Position]chan bool
	unfit   error
	charge  error
}

func (s *steps) publish(e revocast.Event) <-chan bool {
	s.note("publish %s", e.Position)
	return s.answers[e.Position]
}

func (s *steps) await(p revocast.Position) <-chan bool {
	s.note("await %s", p)
	return s.answers[p]
}

func (s *steps) fit() error { return s.unfit }

func (s *steps) settled(_ context.Context, epoch uint64) error {
	s.note("in charge of %d?", epoch)
	return s.charge
}

func (s *steps) wait(b batch) *fleetWaiter {
	s.note("wait for %s", b.last)
	return s.f.wait(b)
}

func TestConfirm(t *testing.T) {
	waiting := []string{"wait for 1-2", "publish 1-1", "await 1-2"}
	asked := append(slices.Clone(waiting), "in charge of 1?")
	for _, test := range []struct {
		what    string
		answers [2]bool
		set     func(*steps)
		err     error
		calls   []string // "durable" among them
	}{
		{"all is well", [2]bool{true, true}, func(*steps) {}, nil, append(slices.Clone(waiting), "durable",
			"in charge of 1?")},
		{
			"JetStream has the second for certain only",
			[2]bool{false, true},
			func(*steps) {}, nil,
			append(slices.Clone(asked), "durable"),
		},
		{"the first only", [2]bool{true, false}, func(*steps) {}, nil, append(slices.Clone(asked), "durable")},
		{"the stream cannot be relied on", [2]bool{true, true}, func(s *steps) {
			s.unfit = errors.New("limits")
		}, nil, append(slices.Clone(asked), "durable")},
		{"the epoch changed", [2]bool{false, false}, func(s *steps) {
			s.charge = revocast.ErrEpoch
		}, revocast.ErrEpoch, asked},
	} {
		t.Run(test.what, func(t *testing.T) {
			f, l := fleetOf(t, member("a", pos(1, 2), 1))
			s := &steps{f: f, answers: map[revocast.Position]chan bool{}}
			for i, yes := range test.answers {
				c := make(chan bool, 1)
				c <- yes
				s.answers[pos(1, uint64(i+1))] = c
			}
			test.set(s)
			c := &confirmer{stream: s, fit: s.fit, epoch: s, fleet: s}
			b := f.committedAt(pos(1, 2), l.gen)
			b.epoch, b.entries = 1, []port.CommitEntry{{Event: revoked(1, 1), Fresh: true}, {Event: revoked(1, 2)}}
			by, err := c.confirm(t.Context(), b, func() { s.note("durable") })
			if !errors.Is(err, test.err) || err == nil && by.tally.Confirmed != 1 {
				t.Errorf("%+v, %v", by, err)
			}
			s.want(t, test.calls...)
			if want := uint64(2); err == nil && c.durable.Load() != want {
				t.Errorf("%d durable, want %d", c.durable.Load(), want)
			}
			if len(f.waiters) != 0 {
				t.Error("a waiter is left")
			}
		})
	}
}

// TestConfirmEnds with Run, whichever step it waits in.
func TestConfirmEnds(t *testing.T) {
	gone := errors.New("stopped")
	for _, acknowledged := range []bool{false, true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		f, l := fleetOf(t, member("a", pos(1, 0), 1))
		s := &steps{f: f, answers: map[revocast.Position]chan bool{pos(1, 1): make(chan bool, 1)}}
		if acknowledged {
			s.answers[pos(1, 1)] <- true
		}
		b := f.committedAt(pos(1, 1), l.gen)
		b.epoch, b.entries = 1, []port.CommitEntry{{Event: revoked(1, 1), Fresh: true}}
		durable := false
		if !acknowledged {
			cancel(gone)
		}
		c := &confirmer{stream: s, fit: s.fit, epoch: s, fleet: s}
		_, err := c.confirm(ctx, b, func() { durable = true; cancel(gone) })
		if !errors.Is(err, gone) || durable != acknowledged {
			t.Errorf("acknowledged %t: %v, durable %t", acknowledged, err, durable)
		}
		cancel(nil)
	}
}
