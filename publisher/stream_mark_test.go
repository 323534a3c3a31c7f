package publisher

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func markerOf(l *ledgerFake, b *busFake) *marker { return newMarker(partTools(l, b, io.Discard), l) }

// TestMarkBehindAGap: revision 5 stands before 4. The mark counts 3 as complete, and the next
// reader finds 5 again, unless the gap fills while a little more is read.
func TestMarkBehindAGap(t *testing.T) {
	for _, fills := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, b := wholeStore()
			b.replayed.End.Sequence = 9
			if fills {
				b.events = []revocast.Event{revoked(2, 4)}
			}
			seen := newSighting(pos(2, 3))
			_ = seen.add(revoked(2, 5))
			began := time.Now()
			end := port.StreamPoint{Created: 7, Sequence: 6}
			if err := markerOf(l, b).advance(t.Context(), l.d, port.StreamMark{From: 5}, end, seen); err != nil {
				t.Fatal(err)
			}
			if fills {
				l.want(t, "mark 9 from 6 complete 2-5")
			} else {
				l.want(t, "mark 9 from 5 complete 2-3")
			}
			want := orderPause
			if !fills {
				want = orderTries * orderPause
			}
			if took := time.Since(began); took != want {
				t.Errorf("took %s, want %s", took, want)
			}
		})
	}
}

func TestSighting(t *testing.T) {
	s := newSighting(pos(2, 3))
	s.refill = 9
	lift := revoked(1, 8)
	lift.Kind = revocast.KindLifted
	for _, e := range []revocast.Event{
		revoked(2, 4), revoked(1, 9), lift,
		{Kind: revocast.KindInvalidated, Position: pos(1, 7)},
		revoked(3, 1),
		{Refill: 9, Position: pos(2, 8)},
		{Refill: 8, Position: pos(2, 9)},
	} {
		if err := s.add(e); err != nil {
			t.Fatal(err)
		}
	}
	if s.complete() != pos(2, 4) || s.top != 4 || len(s.late) != 2 || s.events != 1 {
		t.Errorf("complete %s, top %d, %d late, %d of the refill", s.complete(), s.top, len(s.late), s.events)
	}
}

// TestAdopt: late events of an earlier epoch are committed if the ledger lacks them and they have
// not ended.
func TestAdopt(t *testing.T) { synctest.Test(t, testAdopt) }

func testAdopt(t *testing.T) {
	l, b := wholeStore()
	known, over, ban := revoked(1, 1), revoked(1, 2), revoked(1, 4)
	over.Until = time.Now().UnixMilli()
	ban.Kind, ban.At, ban.Refill = revocast.KindBanned, 77, 0
	l.checked = map[revocast.Key]revocast.State{known.Key: known.State()}
	var committed []revocast.Event
	l.commit = func(p []revocast.Event) (port.Commit, error) {
		committed = append(committed, p...)
		return port.Commit{}, nil
	}
	m := markerOf(l, b)
	d, _ := l.Describe(t.Context())
	if err := m.adopt(t.Context(), d, []revocast.Event{known, over, revoked(1, 3), ban}); err != nil {
		t.Fatal(err)
	}
	if len(committed) != 2 || !committed[0].Position.IsZero() || committed[1].Position != pos(1, 4) ||
		committed[1].At != 0 {
		t.Errorf("committed %+v", committed)
	}
	l.taken()
	b.events = []revocast.Event{revoked(1, 5), revoked(2, 1), {Kind: revocast.KindInvalidated, Position: pos(1,
		6)}, {Refill: 3, Position: pos(1, 7)}}
	if err := m.adoptAll(t.Context(), l.d); err != nil {
		t.Fatal(err)
	}
	l.want(t, "commit 1")
	l.commit = func([]revocast.Event) (port.Commit, error) { return port.Commit{}, revocast.ErrEpoch }
	if err := m.adoptAll(t.Context(), l.d); !errors.Is(err, revocast.ErrEpoch) {
		t.Error(err)
	}
}

// TestMarkAfterARefill stands whatever mark of the same stream somebody else has set.
func TestMarkAfterARefill(t *testing.T) {
	for _, test := range []struct {
		what  string
		mark  port.StreamMark
		err   error
		tries int
	}{
		{"an audit's", port.StreamMark{Point: port.StreamPoint{Created: 7}}, revocast.ErrConflict, 1},
		{"a refill's", port.StreamMark{
			Point: port.StreamPoint{Created: 7}, Afresh: true,
		}, revocast.ErrConflict, markTries},
		{
			"a refill's of another stream",
			port.StreamMark{Point: port.StreamPoint{Created: 8}, Afresh: true},
			revocast.ErrConflict, 1,
		},
		{
			"a refill's, of another epoch",
			port.StreamMark{Point: port.StreamPoint{Created: 7}, Afresh: true},
			revocast.ErrEpoch, 1,
		},
	} {
		l, b := wholeStore()
		l.err = test.err
		if err := markerOf(l, b).mark(t.Context(), port.StreamPoint{}, test.mark); !errors.Is(err, test.err) {
			t.Errorf("%s: %v", test.what, err)
		}
		if got := l.taken(); len(got) != test.tries {
			t.Errorf("%s: %d tries, want %d", test.what, len(got), test.tries)
		}
	}
}
