package events

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
)

// ledgerTakes says what the ledger refuses to restore, as package store has it. An event
// that decodes and that the ledger refuses would end every recovery.
func ledgerTakes(e revocast.Event) error {
	const most = uint64(revocast.Forever)
	bad := func(ms int64) bool { return ms < 0 || ms > revocast.Forever }
	switch {
	case e.Position.Epoch == 0 || e.Position.Epoch > most || e.Position.Rev == 0 || e.Position.Rev > most:
		return fmt.Errorf("position %s", e.Position)
	case bad(e.At) || bad(e.CutOff) || bad(e.Until) || bad(e.From):
		return fmt.Errorf("times %d %d %d %d", e.At, e.CutOff, e.Until, e.From)
	case !e.Kind.Valid() || !e.Scope.Valid() || e.Key.IsZero():
		return fmt.Errorf("kind %s, scope %s, key %s", e.Kind, e.Scope, e.Key)
	case !e.Except.IsZero() && e.Scope.Outright():
		return fmt.Errorf("a %s has no exception", e.Scope)
	case len(e.Reason) > revocast.MaxReason || len(e.Initiator) > revocast.MaxReason:
		return fmt.Errorf("texts of %d and %d bytes", len(e.Reason), len(e.Initiator))
	}
	return nil
}

// TestWhatDecodesCanBeRestored spoils good events where it hurts: whole fields rather
// than single bytes, with values on both sides of every limit.
func TestWhatDecodesCanBeRestored(t *testing.T) {
	fields := []struct{ at, size int }{
		{1, 1}, {2, 1}, {12, 8}, {20, 8}, {28, 16}, {44, 8}, {52, 8}, {60, 8}, {68, 8}, {76, 16}, {92, 2}, {94, 2},
	}
	edges := []uint64{
		0, 1, 2, 3, 7, 8, 256, 257, uint64(revocast.Forever), uint64(revocast.Forever) + 1, 1 << 63, 1<<64 - 1,
	}
	var read int
	property.Check(t, func(t *property.T) {
		e := drawEvent(t)
		data, err := appendEvent(nil, testRealm, &e)
		if err != nil {
			t.Fatal(err)
		}
		for range property.IntRange(0, 3).Draw(t, "fields") {
			f := property.SampledFrom(fields).Draw(t, "field")
			value := binary.BigEndian.AppendUint64(make([]byte, 8), property.SampledFrom(edges).Draw(t, "value"))
			copy(data[f.at:f.at+f.size], value[16-f.size:])
		}
		var got revocast.Event
		if decodeEvent(data, testRealm, &got) != nil {
			return
		}
		read++
		if err := ledgerTakes(got); err != nil {
			t.Fatalf("read an event that no ledger takes: %v", err)
		}
	})
	if read == 0 {
		t.Error("nothing was read: the test tests nothing")
	}
}

// TestEventsOfStatesCanBeWritten: what a refill makes of a state goes over the wire.
func TestEventsOfStatesCanBeWritten(t *testing.T) {
	property.Check(t, func(t *property.T) {
		k := drawState(t)
		for _, e := range k.Events() {
			data, err := appendEvent(nil, testRealm, &e)
			if err != nil {
				t.Fatalf("%+v of %+v: %v", e, k, err)
			}
			var got revocast.Event
			if err := decodeEvent(data, testRealm, &got); err != nil || got != e {
				t.Fatalf("got %+v, %v; want %+v", got, err, e)
			}
		}
	})
}
