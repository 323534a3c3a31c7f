package events

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/port"
)

func goodAck(tb testing.TB) (port.Ack, []byte) {
	tb.Helper()
	a := port.Ack{
		Member:  port.MemberID{Class: "default", Worker: "web-1", Incarnation: "5f"},
		Applied: revocast.Position{Epoch: 1, Rev: 2},
	}
	data, err := appendAck(nil, testRealm, &a)
	if err != nil {
		tb.Fatal(err)
	}
	return a, data
}

func TestAckRoundTrip(t *testing.T) {
	alphabet := property.Runes('A', 'Z') + property.Runes('a', 'z') + property.Runes('0', '9') + "_.-"
	name := property.StringOf(alphabet, 1, 64)
	property.Check(t, func(t *property.T) {
		want := port.Ack{
			Member: port.MemberID{Worker: name.Draw(t, "worker"), Incarnation: name.Draw(t, "incarnation")},
			Applied: revocast.Position{
				Epoch: property.Uint64Range(0, uint64(revocast.Forever)).Draw(t, "epoch"),
				Rev:   property.Uint64Range(0, uint64(revocast.Forever)).Draw(t, "rev"),
			},
		}
		data, err := appendAck(nil, testRealm, &want)
		if err != nil {
			t.Fatal(err)
		}
		var got port.Ack
		if err := decodeAck(data, testRealm, &got); err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		cut := property.IntRange(0, len(data)-1).Draw(t, "cut")
		if err := decodeAck(data[:cut], testRealm, &got); !errors.Is(err, errUndecodable) {
			t.Fatalf("%d of %d bytes: %v", cut, len(data), err)
		}
	})
}

func TestAckDecoderRefuses(t *testing.T) {
	set := func(at int, b byte) []byte {
		_, data := goodAck(t)
		data[at] = b
		return data
	}
	_, good := goodAck(t)
	tests := map[string][]byte{
		"nothing":            nil,
		"version 2":          set(0, 2),
		"no worker":          set(25, 0),
		"worker too long":    set(25, 65),
		"no incarnation":     set(26, 0),
		"control character":  set(27, '\n'),
		"something after it": append(good, 0),
	}
	for name, data := range tests {
		var a port.Ack
		if err := decodeAck(data, testRealm, &a); !errors.Is(err, errUndecodable) {
			t.Errorf("%s: %v, want it to be undecodable", name, err)
		}
	}
	var a port.Ack
	if err := decodeAck(good, testRealm+1, &a); !errors.Is(err, errForeign) {
		t.Errorf("another realm: %v", err)
	}
	for _, worker := range []string{"", strings.Repeat("x", 65), "a\nb"} {
		a, _ := goodAck(t)
		a.Member.Worker = worker
		if _, err := appendAck(nil, testRealm, &a); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("worker %q: %v, want ErrInvalid", worker, err)
		}
	}
}

func FuzzAck(f *testing.F) {
	_, data := goodAck(f)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var a port.Ack
		if decodeAck(data, testRealm, &a) != nil {
			return
		}
		written, err := appendAck(nil, testRealm, &a)
		if err != nil || !bytes.HasPrefix(data, written[:len(written)-2]) {
			t.Fatalf("read %q, wrote %q, %v", data, written, err)
		}
	})
}

func BenchmarkDecodeAck(b *testing.B) {
	_, data := goodAck(b)
	var a port.Ack
	b.ReportAllocs()
	for b.Loop() {
		if err := decodeAck(data, testRealm, &a); err != nil {
			b.Fatal(err)
		}
	}
}
