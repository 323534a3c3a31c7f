package events

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
)

const testRealm = 0x0102030405060708

func drawEvent(t *property.T) revocast.Event {
	moment := property.Int64Range(0, revocast.Forever)
	text := property.StringOf(property.Runes(' ', '~')+"é漢😀", 0, 40)
	key := property.SliceOfN(property.Byte(), 16, 16)
	count := property.Uint64Range(1, uint64(revocast.Forever))
	e := revocast.Event{
		Position: revocast.Position{Epoch: count.Draw(t, "epoch"), Rev: count.Draw(t, "rev")},
		Kind:     property.SampledFrom(revocast.Kinds[:]).Draw(t, "kind"),
		Scope:    revocast.Scope(property.IntRange(1, revocast.NumScopes).Draw(t, "scope")),
		Key:      revocast.Key(key.Draw(t, "key")),
		Except:   revocast.Key(key.Draw(t, "except")),
		At:       moment.Draw(t, "at"),
		CutOff:   moment.Draw(t, "cut-off"),
		Until:    moment.Draw(t, "until"),
		From:     moment.Draw(t, "from"),
		Cause:    revocast.Cause{Reason: text.Draw(t, "reason"), Initiator: text.Draw(t, "initiator")},
	}
	e.Key[0] |= 1
	if e.Scope.Outright() {
		e.Except = revocast.Key{}
	}
	return e
}

func TestEventRoundTrip(t *testing.T) {
	property.Check(t, func(t *property.T) {
		want := drawEvent(t)
		data, err := appendEvent(nil, testRealm, &want)
		if err != nil {
			t.Fatal(err)
		}
		var got revocast.Event
		if err := decodeEvent(data, testRealm, &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		cut := property.IntRange(0, len(data)-1).Draw(t, "cut")
		if err := decodeEvent(data[:cut], testRealm, &got); !errors.Is(err, errUndecodable) {
			t.Fatalf("%d of %d bytes: %v", cut, len(data), err)
		}
	})
}

// goodEvent is an event whose every part a test below can spoil.
func goodEvent(tb testing.TB) (revocast.Event, []byte) {
	tb.Helper()
	e := revocast.Event{
		Position: revocast.Position{Epoch: 1, Rev: 2}, Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal,
		Key: revocast.Key{1}, At: 3, CutOff: revocast.Forever, Until: 4, From: 5, Except: revocast.Key{6},
		Cause: revocast.Cause{Reason: "stolen", Initiator: "user"},
	}
	data, err := appendEvent(nil, testRealm, &e)
	if err != nil {
		tb.Fatal(err)
	}
	return e, data
}

func TestEventLayoutStays(t *testing.T) {
	const want = "\x01\x01\x03\x00" + "\x01\x02\x03\x04\x05\x06\x07\x08" +
		"\x00\x00\x00\x00\x00\x00\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x02" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x03" + "\x00\x1f\xff\xff\xff\xff\xff\xff" +
		"\x00\x00\x00\x00\x00\x00\x00\x04" + "\x00\x00\x00\x00\x00\x00\x00\x05" +
		"\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x06\x00\x04" + "stolenuser" + "\x00\x00"
	if _, data := goodEvent(t); string(data) != want {
		t.Errorf("version 1 is now laid out as %q", data)
	}
}

func TestEventSkipsExtension(t *testing.T) {
	want, data := goodEvent(t)
	extended := append(append([]byte(nil), data[:len(data)-2]...), 0, 3, 'n', 'e', 'w')
	var got revocast.Event
	if err := decodeEvent(extended, testRealm, &got); err != nil || got != want {
		t.Errorf("an event with fields of a later version: %+v, %v", got, err)
	}
}

func TestEventDecoderRefuses(t *testing.T) {
	spoil := func(f func([]byte) []byte) []byte {
		_, data := goodEvent(t)
		return f(data)
	}
	set := func(at int, b ...byte) []byte {
		return spoil(func(d []byte) []byte { copy(d[at:], b); return d })
	}
	zero8 := make([]byte, 8)
	tests := map[string][]byte{
		"nothing":                     nil,
		"version 0":                   set(0, 0),
		"version 2":                   set(0, 2),
		"kind 0":                      set(1, 0),
		"kind 5":                      set(1, 5),
		"scope 0":                     set(2, 0),
		"scope 8":                     set(2, 8),
		"flags":                       set(3, 1),
		"a session with an exception": set(2, 2),
		"a token with an exception":   set(2, 1),
		"no key":                      set(28, 0),
		"epoch beyond forever":        set(12, 0, 0x20),
		"revision beyond forever":     set(20, 0, 0x20),
		"epoch 0":                     set(12, zero8...),
		"revision 0":                  set(20, zero8...),
		"negative time":               set(44, 0x80),
		"cut-off beyond forever":      set(52, 0, 0x20, 0, 0, 0, 0, 0, 0),
		"until beyond forever":        set(60, 0x7f),
		"from beyond forever":         set(68, 0x7f),
		"reason longer than all":      set(92, 0xff, 0xff),
		"initiator longer than all":   set(94, 0xff, 0xff),
		"control character":           set(96, '\n'),
		"not UTF-8":                   set(96, 0xff),
		"extension beyond the end":    spoil(func(d []byte) []byte { d[len(d)-1] = 1; return d }),
		"something after it":          spoil(func(d []byte) []byte { return append(d, 0) }),
		"extension of 5,000 bytes": spoil(func(d []byte) []byte {
			return append(append(d[:len(d)-2], 0x13, 0x88),
				make([]byte, 5000)...)
		}),
		"reason of 257 bytes":         spoil(func(d []byte) []byte { return withReason(d[:eventHead], 257) }),
		"text of 4 KiB, split in two": spoil(func(d []byte) []byte { return withReason(d[:eventHead], 4096) }),
	}
	for name, data := range tests {
		var e revocast.Event
		if err := decodeEvent(data, testRealm, &e); !errors.Is(err, errUndecodable) {
			t.Errorf("%s: %v, want it to be undecodable", name, err)
		}
	}
	var e revocast.Event
	_, data := goodEvent(t)
	if err := decodeEvent(data, testRealm+1, &e); !errors.Is(err, errForeign) {
		t.Errorf("another realm: %v", err)
	}
}

func withReason(head []byte, n int) []byte {
	head[92], head[93], head[94], head[95] = byte(n>>8), byte(n), 0, 0
	return append(append(head, strings.Repeat("x", n)...), 0, 0)
}

func TestEncoderRefusesWhatTheDecoderWould(t *testing.T) {
	spoil := []func(*revocast.Event){
		func(e *revocast.Event) { e.Kind = 0 },
		func(e *revocast.Event) { e.Scope = 8 },
		func(e *revocast.Event) { e.Scope = revocast.ScopeToken }, // with an exception
		func(e *revocast.Event) { e.Key = revocast.Key{} },
		func(e *revocast.Event) { e.Position.Rev = uint64(revocast.Forever) + 1 },
		func(e *revocast.Event) { e.Position.Epoch = 0 },
		func(e *revocast.Event) { e.Position.Rev = 0 },
		func(e *revocast.Event) { e.At = -1 },
		func(e *revocast.Event) { e.CutOff = revocast.Forever + 1 },
		func(e *revocast.Event) { e.Reason = strings.Repeat("x", revocast.MaxReason+1) },
		func(e *revocast.Event) { e.Initiator = "a\x00b" },
		func(e *revocast.Event) { e.Initiator = "\xff" },
	}
	for i, f := range spoil {
		e, _ := goodEvent(t)
		f(&e)
		if data, err := appendEvent(nil, testRealm, &e); !errors.Is(err, revocast.ErrInvalid) || data != nil {
			t.Errorf("case %d: %q, %v", i, data, err)
		}
	}
}

func TestDecodeAllocates(t *testing.T) {
	_, data := goodEvent(t)
	plain, _ := goodEvent(t)
	plain.Reason, plain.Initiator = "", ""
	bare, err := appendEvent(nil, testRealm, &plain)
	if err != nil {
		t.Fatal(err)
	}
	var e revocast.Event
	for _, test := range []struct {
		data []byte
		want float64
	}{{data, 1}, {bare, 0}} {
		if got := testing.AllocsPerRun(100, func() { _ = decodeEvent(test.data, testRealm, &e) }); got != test.want {
			t.Errorf("decoding %d bytes allocates %v times, want %v", len(test.data), got, test.want)
		}
	}
}

// FuzzEvent: no input makes the decoder panic, and what it accepts it can write again
// to the same bytes, apart from an extension.
func FuzzEvent(f *testing.F) {
	_, data := goodEvent(f)
	f.Add(data)
	f.Add(append(data[:len(data)-2:len(data)-2], 0, 1, 7))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e, again revocast.Event
		if decodeEvent(data, testRealm, &e) != nil {
			return
		}
		if err := ledgerTakes(e); err != nil {
			t.Fatalf("accepted what no ledger takes: %v", err)
		}
		written, err := appendEvent(nil, testRealm, &e)
		if err != nil {
			t.Fatalf("accepted what cannot be written: %v", err)
		}
		if !bytes.HasPrefix(data, written[:len(written)-2]) {
			t.Fatalf("read %q, wrote %q", data, written)
		}
		if err := decodeEvent(written, testRealm, &again); err != nil || again != e {
			t.Fatalf("read again as %+v, %v", again, err)
		}
	})
}

func BenchmarkEncodeEvent(b *testing.B) {
	e, data := goodEvent(b)
	buf := make([]byte, 0, len(data))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := appendEvent(buf, testRealm, &e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	_, data := goodEvent(b)
	var e revocast.Event
	b.ReportAllocs()
	for b.Loop() {
		if err := decodeEvent(data, testRealm, &e); err != nil {
			b.Fatal(err)
		}
	}
}
