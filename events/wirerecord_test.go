package events

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/port"
)

func drawRecord(t *property.T) port.EpochRecord {
	span := property.Int64Range(0, math.MaxInt64)
	r := port.EpochRecord{
		Epoch:  property.Uint64Range(1, math.MaxUint64).Draw(t, "epoch"),
		Stream: span.Draw(t, "stream"),
		Server: property.StringOf("0123456789abcdef", 0, 40).Draw(t, "server"),
		Terms: port.Terms{
			Lease:         time.Duration(span.Draw(t, "lease")),
			Fence:         time.Duration(span.Draw(t, "fence")),
			Drift:         property.Float64Range(0, 0.999).Draw(t, "drift"),
			DefaultIssuer: property.String().Draw(t, "issuer"),
		},
	}
	r.Terms.Skew = time.Duration(property.Int64Range(0, int64(port.MaxSkew)).Draw(t, "skew"))
	for i := range r.Terms.MaxLifetime {
		r.Terms.MaxLifetime[i] = time.Duration(span.Draw(t, "lifetime"))
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	property.Check(t, func(t *property.T) {
		want := drawRecord(t)
		data, err := encodeRecord("r", want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeRecord("r", data); err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	})
}

func TestRecordOfTheLargestIssuerCanBeRead(t *testing.T) {
	want := port.EpochRecord{Epoch: 1, Terms: port.Terms{DefaultIssuer: strings.Repeat("<", revocast.MaxID)}}
	data, err := encodeRecord("r", want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeRecord("r", data); err != nil || got != want {
		t.Errorf("record of %d bytes: %v", len(data), err)
	}
}

// TestRecordWithoutAStreamCanBeRead: those written before the field was there.
func TestRecordWithoutAStreamCanBeRead(t *testing.T) {
	data, err := encodeRecord("r", port.EpochRecord{Epoch: 1})
	if err != nil || strings.Contains(string(data), "stream") {
		t.Fatalf("wrote %s, %v", data, err)
	}
	if r, err := decodeRecord("r", data); err != nil || r.Stream != 0 {
		t.Errorf("read %+v, %v", r, err)
	}
}

func TestRecordDecoderRefuses(t *testing.T) {
	data, err := encodeRecord("r", port.EpochRecord{Epoch: 1, Server: "s"})
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	tests := map[string]string{
		"nothing":            "",
		"not JSON":           "{",
		"something after it": good + "{}",
		"an array":           "[]",
		"version 2":          strings.Replace(good, `"version":1`, `"version":2`, 1),
		"epoch 0":            strings.Replace(good, `"epoch":1`, `"epoch":0`, 1),
		"negative stream":    strings.Replace(good, `"epoch":1`, `"epoch":1,"stream":-1`, 1),
		"negative epoch":     strings.Replace(good, `"epoch":1`, `"epoch":-1`, 1),
		"no lease":           strings.Replace(good, `"lease":"0s"`, `"lease":""`, 1),
		"negative lease":     strings.Replace(good, `"lease":"0s"`, `"lease":"-1s"`, 1),
		"no lifetime":        strings.Replace(good, `"session":"0s"`, `"sessions":"0s"`, 1),
		"negative lifetime":  strings.Replace(good, `"session":"0s"`, `"session":"-1s"`, 1),
		"drift of 1":         strings.Replace(good, `"drift":0`, `"drift":1`, 1),
		"server with escape": strings.Replace(good, `"server":"s"`, `"server":"\u001b"`, 1),
		"too large":          good + strings.Repeat(" ", maxRecord),
	}
	for name, text := range tests {
		if text == good {
			t.Fatalf("%s: the test does not change the record %s", name, good)
		}
		if _, err := decodeRecord("r", []byte(text)); !errors.Is(err, errUndecodable) {
			t.Errorf("%s: %v, want it to be undecodable", name, err)
		}
	}
	if _, err := decodeRecord("other", data); !errors.Is(err, errForeign) {
		t.Errorf("another realm: %v", err)
	}
	later := strings.Replace(good, `"epoch":1`, `"epoch":1,"later":{"x":1}`, 1)
	if r, err := decodeRecord("r", []byte(later)); err != nil || r.Epoch != 1 {
		t.Errorf("a record with a field of a later version: %+v, %v", r, err)
	}
}

func TestRecordEncoderRefuses(t *testing.T) {
	good := port.EpochRecord{Epoch: 1}
	spoil := []func(*port.EpochRecord){
		func(r *port.EpochRecord) { r.Epoch = 0 },
		func(r *port.EpochRecord) { r.Server = "\n" },
		func(r *port.EpochRecord) { r.Stream = -1 },
		func(r *port.EpochRecord) { r.Terms.Lease = -1 },
		func(r *port.EpochRecord) { r.Terms.Drift = math.NaN() },
		func(r *port.EpochRecord) { r.Terms.DefaultIssuer = "\xff" },
		func(r *port.EpochRecord) { r.Terms.MaxLifetime[6] = -1 },
	}
	for i, f := range spoil {
		r := good
		f(&r)
		if _, err := encodeRecord("r", r); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("case %d: %v, want ErrInvalid", i, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	data, err := encodeRecord("r", port.EpochRecord{
		Epoch: 1, Server: "s", Terms: port.Terms{Lease: 3 * time.Second, Drift: 0.01},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord("r", data)
		if err != nil {
			return
		}
		written, err := encodeRecord("r", r)
		if err != nil {
			t.Fatalf("accepted what cannot be written: %v", err)
		}
		if again, err := decodeRecord("r", written); err != nil || again != r {
			t.Fatalf("read again as %+v, %v", again, err)
		}
	})
}
