package census

import (
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func TestCount(t *testing.T) {
	at := revocast.Position{Epoch: 3, Rev: 9}
	before := port.Description{State: port.LedgerOpen, Position: at, Born: 105, Gone: 101} // 4 states
	for _, test := range []struct {
		what   string
		seen   []uint64
		gone   uint64
		want   int64
		counts bool
	}{
		{"all, one twice", []uint64{102, 103, 104, 105, 103}, 101, 0, true},
		{"with one that was made meanwhile", []uint64{102, 103, 104, 105, 106}, 101, 0, true},
		{"one has vanished", []uint64{102, 103, 105, 106, 107}, 101, 1, true},
		{"one was taken out meanwhile", []uint64{102, 103, 105}, 102, 0, true},
		{"one was taken out and another vanished", []uint64{102, 105}, 102, 1, true},
		{"all have vanished", nil, 101, 4, true},
		{"two were never counted", []uint64{0, 7, 8, 102, 103, 104, 105}, 101, -2, true},
	} {
		c := NewCount(before)
		for _, n := range test.seen {
			c.Add(port.KeyedState{Born: n})
		}
		after := before
		after.Gone, after.Born = test.gone, 107
		err := c.Compare(after)
		got := int64(0)
		if lost, ok := err.(*VanishedError); ok {
			got = lost.Missing
		} else if err != nil {
			t.Error(err)
		}
		if got != test.want {
			t.Errorf("%s: %d are missing, want %d", test.what, got, test.want)
		}
	}
}
