package realm

import (
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestDefaults: what is not said is filled in, and what is said stays.
func TestDefaults(t *testing.T) {
	var o Options
	o.fill()
	if o.NATS != nats.DefaultURL || o.Redis != "redis://127.0.0.1:6379/0" || o.Logger != slog.Default() ||
		o.Connect.Logger != o.Logger || o.Events.Logger != o.Logger || !o.Connect.Patient {
		t.Errorf("%+v", o)
	}
	mine, other := slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
	o = Options{NATS: "nats://n", Redis: "redis://r", Logger: mine, Impatient: true}
	o.Connect.Logger = other
	o.fill()
	if o.NATS != "nats://n" || o.Redis != "redis://r" || o.Logger != mine || o.Connect.Logger != other ||
		o.Events.Logger != mine || o.Connect.Patient {
		t.Errorf("%+v", o)
	}
	o.Connect.Patient = true
	if o.fill(); !o.Connect.Patient {
		t.Error("a patience that was asked for is gone")
	}
}
