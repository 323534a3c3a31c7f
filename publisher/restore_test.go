package publisher

import (
	"errors"
	"fmt"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// TestRestoreInChunks, whatever is left at the end included.
func TestRestoreInChunks(t *testing.T) {
	l, b := recovering(), &busFake{}
	l.restored = 2
	for i := range restoreChunk + 1 {
		b.events = append(b.events, revoked(3, uint64(i+1)))
	}
	k, _ := keeperOf(l, b, keeperOptions{})
	if r, err := k.restore(t.Context(), l.d, port.StreamMark{}); err != nil || r.changed != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	l.want(t, fmt.Sprintf("restore 4: %d", restoreChunk), "restore 4: 1")
}

// TestFencedLedger stays fenced, unless it is shown to have been rolled back.
func TestFencedLedger(t *testing.T) {
	for _, served := range []uint64{0, 5} {
		l := recovering()
		l.d.State = port.LedgerFenced
		k, _ := keeperOf(l, &busFake{record: port.EpochRecord{Epoch: 5, Server: "b"}}, keeperOptions{})
		k.served = served
		if err := k.look(t.Context()); served == 0 && !errors.Is(err, revocast.ErrFenced) || served == 5 &&
			!errors.Is(err, revocast.ErrRecovering) {
			t.Errorf("served %d: %v", served, err)
		}
	}
}

// TestBeyond: it moves on to a later epoch only if the ledger still recovers this one.
func TestBeyond(t *testing.T) {
	for _, test := range []struct {
		what string
		set  func(*port.Description)
		want []string
	}{
		{"it does", func(*port.Description) {}, []string{"fence 4", "reopen 9 after a"}},
		{"another publisher opened it", func(d *port.Description) { d.State = port.LedgerOpen }, nil},
		{"it recovers another epoch", func(d *port.Description) { d.Position.Epoch = 5 }, nil},
	} {
		l := recovering()
		d := l.d
		test.set(&l.d)
		k, _ := keeperOf(l, &busFake{}, keeperOptions{})
		if err := k.beyond(t.Context(), d, 8); !errors.Is(err, revocast.ErrRecovering) {
			t.Errorf("%s: %v", test.what, err)
		}
		l.want(t, test.want...)
	}
}
