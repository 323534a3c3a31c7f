package events

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/port"
)

// drawState draws a state as a ledger may hold it.
func drawState(t *property.T) port.KeyedState {
	moment := property.Int64Range(0, revocast.Forever)
	count := property.Uint64Range(1, uint64(revocast.Forever))
	key := func(name string) (k revocast.Key) {
		copy(k[:], property.SliceOfN(property.Byte(), 16, 16).Draw(t, name))
		k[0] |= 1
		return k
	}
	position := func(name string) revocast.Position {
		return revocast.Position{Epoch: count.Draw(t, name+" epoch"), Rev: count.Draw(t, name+" revision")}
	}
	k := port.KeyedState{
		Key: key("key"), Scope: revocast.Scope(property.IntRange(1, revocast.NumScopes).Draw(t, "scope")),
		Changed: moment.Draw(t, "changed"),
		State:   revocast.State{Until: moment.Draw(t, "until"), At: position("at")},
	}
	s := &k.State
	s.CutOff = property.OneOf(property.Just(int64(0)), property.Just(revocast.Forever), moment).Draw(t, "cut-off")
	s.Floor = s.CutOff
	if !k.Scope.Outright() && s.CutOff > 0 && property.Bool().Draw(t, "excepts") {
		s.Except, s.Floor = key("except"), property.Int64Range(0, s.CutOff-1).Draw(t, "floor")
	}
	if property.Bool().Draw(t, "has a ban") {
		s.Ban = revocast.BanState{From: moment.Draw(t, "from"), Until: moment.Draw(t, "ban until"), At: position("ban")}
	}
	return k
}

func TestStateRoundTrip(t *testing.T) {
	property.Check(t, func(t *property.T) {
		want := drawState(t)
		data, err := appendState(nil, want)
		if err != nil || len(data) < minState || len(data) > maxState {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		var got port.KeyedState
		if rest, err := takeState(append(data, 7), &got); err != nil || got != want || len(rest) != 1 {
			t.Fatalf("got %+v and %d bytes more, %v; want %+v", got, len(rest), err, want)
		}
		cut := property.IntRange(0, len(data)-1).Draw(t, "cut")
		if _, err := takeState(data[:cut], &got); !errors.Is(err, errUndecodable) {
			t.Fatalf("%d of %d bytes: %v", cut, len(data), err)
		}
	})
}

func TestStateEncoderRefuses(t *testing.T) {
	good := port.KeyedState{Key: revocast.Key{1}, Scope: revocast.ScopePrincipal, State: revocast.State{
		CutOff: 5, Floor: 5, Until: 6, At: revocast.Position{Epoch: 1, Rev: 1},
	}}
	if _, err := appendState(nil, good); err != nil {
		t.Fatal(err)
	}
	spoil := []func(*port.KeyedState){
		func(k *port.KeyedState) { k.Key = revocast.Key{} },
		func(k *port.KeyedState) { k.Scope = 0 },
		func(k *port.KeyedState) { k.State.At.Rev = 0 },
		func(k *port.KeyedState) { k.State.At.Epoch = 1 << 53 },
		func(k *port.KeyedState) { k.State.CutOff = revocast.Forever + 1 },
		func(k *port.KeyedState) { k.State.Until = -1 },
		func(k *port.KeyedState) { k.Changed = -1 },
		func(k *port.KeyedState) { k.State.Ban.Until = 9 }, // at no position
		func(k *port.KeyedState) {
			k.Scope, k.State.Except, k.State.Floor = revocast.ScopeToken, revocast.Key{2}, 0
		},
	}
	for i, f := range spoil {
		k := good
		f(&k)
		if data, err := appendState(nil, k); !errors.Is(err, revocast.ErrInvalid) || data != nil {
			t.Errorf("case %d: %x, %v; want ErrInvalid", i, data, err)
		}
	}
}

// someChunk is a chunk of three states, and someClosing what closes it.
func someChunk(tb testing.TB) []byte {
	tb.Helper()
	data := beginChunk(nil, testRealm, snapID{9}, 4)
	at := revocast.Position{Epoch: 1, Rev: 2}
	for i, s := range []revocast.State{
		{CutOff: revocast.Forever, Floor: revocast.Forever, Until: 3, At: at},
		{CutOff: 8, Except: revocast.Key{6}, Floor: 7, Until: 9, At: at},
		{Until: 9, At: at, Ban: revocast.BanState{From: 1, Until: 2, At: at}},
	} {
		var err error
		if data, err = appendState(data, port.KeyedState{
			Key: revocast.Key{byte(i) + 1}, Scope: revocast.ScopePrincipal, State: s, Changed: 5,
		}); err != nil {
			tb.Fatal(err)
		}
	}
	return endChunk(data, 3)
}

func someClosing() []byte {
	return encodeClosing(testRealm, closing{
		id: snapID{9}, at: revocast.Position{Epoch: 1, Rev: 2}, chunks: 5, states: 12, digest: [32]byte{8}, slot: 1,
	})
}

// resealed returns data with a checksum that fits.
func resealed(data []byte) []byte {
	data = data[:len(data)-sumSize]
	return binary.BigEndian.AppendUint32(data, crc(data))
}

func readChunk(data []byte) (states int, err error) {
	c, err := decodeChunk(data, testRealm)
	if err != nil {
		return 0, err
	}
	err = c.each(func(port.KeyedState) error { states++; return nil })
	return states, err
}

// TestSnapshotDecoderRefusesEveryFlippedBit, for there is a checksum.
func TestSnapshotDecoderRefusesEveryFlippedBit(t *testing.T) {
	chunk, closed := someChunk(t), someClosing()
	if n, err := readChunk(chunk); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := decodeClosing(closed, testRealm); err != nil {
		t.Fatal(err)
	}
	refused := func(err error) bool { return errors.Is(err, errUndecodable) || errors.Is(err, errForeign) }
	flipped := func(data []byte, bit int) []byte {
		data = bytes.Clone(data)
		data[bit/8] ^= 1 << (bit % 8)
		return data
	}
	for bit := range 8 * len(chunk) {
		if _, err := readChunk(flipped(chunk, bit)); !refused(err) {
			t.Errorf("chunk with bit %d flipped: %v", bit, err)
		}
	}
	for bit := range 8 * len(closed) {
		if _, err := decodeClosing(flipped(closed, bit), testRealm); !refused(err) {
			t.Errorf("closing with bit %d flipped: %v", bit, err)
		}
	}
	for n := range chunk {
		if _, err := readChunk(chunk[:n]); !refused(err) {
			t.Errorf("%d of %d bytes of a chunk: %v", n, len(chunk), err)
		}
	}
	if _, err := decodeChunk(chunk, testRealm+1); !errors.Is(err, errForeign) {
		t.Errorf("chunk of another realm: %v", err)
	}
	if _, err := decodeChunk(closed, testRealm); !errors.Is(err, errUndecodable) {
		t.Errorf("a closing as a chunk: %v", err)
	}
}

// TestSnapshotDecoderRefusesNonsense whose checksum fits.
func TestSnapshotDecoderRefusesNonsense(t *testing.T) {
	set := func(data []byte, at int, b ...byte) []byte {
		copy(data[at:], b)
		return resealed(data)
	}
	longer := func(data []byte) []byte { return resealed(append(data, 0)) }
	chunks := map[string][]byte{
		"version 1":             set(someChunk(t), 0, 1),
		"form 3":                set(someChunk(t), 1, 3),
		"no states":             set(someChunk(t), 30, 0, 0, 0, 0),
		"a state too few":       set(someChunk(t), 30, 0, 0, 0, 2),
		"a state too many":      set(someChunk(t), 30, 0, 0, 0, 4),
		"states without number": set(someChunk(t), 30, 0xff, 0xff, 0xff, 0xff),
		"unknown bits":          set(someChunk(t), chunkHead, 0x82),
		"two cut-offs":          set(someChunk(t), chunkHead, 3),
		"scope 0":               set(someChunk(t), chunkHead+1, 0),
		"no key":                set(someChunk(t), chunkHead+2, 0),
		"until beyond forever":  set(someChunk(t), chunkHead+18, 0x20),
		"something after it":    longer(someChunk(t)),
	}
	for name, data := range chunks {
		if _, err := readChunk(data); !errors.Is(err, errUndecodable) {
			t.Errorf("chunk with %s: %v", name, err)
		}
	}
	closings := map[string][]byte{
		"version 0":                 set(someClosing(), 0, 0),
		"epoch 0":                   set(someClosing(), 26, make([]byte, 8)...),
		"revision beyond forever":   set(someClosing(), 34, 0x20),
		"states in no chunk":        set(someClosing(), 42, 0, 0, 0, 0),
		"chunks without a state":    set(someClosing(), 46, make([]byte, 8)...),
		"on a subject of its own":   set(someClosing(), 86, 2),
		"something after the slot ": longer(someClosing()),
	}
	for name, data := range closings {
		if _, err := decodeClosing(data, testRealm); !errors.Is(err, errUndecodable) {
			t.Errorf("closing with %s: %v", name, err)
		}
	}
}

// FuzzChunk gives the decoder inputs whose checksum fits, or nothing would get past it.
// What it accepts it can write again to the same bytes.
func FuzzChunk(f *testing.F) {
	chunk := someChunk(f)
	f.Add(chunk[:len(chunk)-sumSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		data = binary.BigEndian.AppendUint32(bytes.Clone(data), crc(data))
		c, err := decodeChunk(data, testRealm)
		if err != nil {
			return
		}
		again := beginChunk(nil, testRealm, c.id, c.number)
		if c.each(func(k port.KeyedState) error {
			if again, err = appendState(again, k); err != nil {
				t.Fatalf("accepted what cannot be written: %v", err)
			}
			for _, e := range k.Events() {
				if err := ledgerTakes(e); err != nil {
					t.Fatalf("accepted what no ledger takes: %v", err)
				}
			}
			return nil
		}) != nil {
			return
		}
		if again = endChunk(again, c.count); !bytes.Equal(again, data) {
			t.Fatalf("read %x, wrote %x", data, again)
		}
	})
}

func FuzzClosing(f *testing.F) {
	data := someClosing()
	f.Add(data[:len(data)-sumSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		data = binary.BigEndian.AppendUint32(bytes.Clone(data), crc(data))
		c, err := decodeClosing(data, testRealm)
		if err == nil && !bytes.Equal(encodeClosing(testRealm, c), data) {
			t.Fatalf("read %x as %+v, which is written otherwise", data, c)
		}
	})
}
