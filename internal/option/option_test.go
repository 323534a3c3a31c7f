package option_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
)

func TestNumbers(t *testing.T) {
	type field = option.Number[time.Duration]
	pause := func(d time.Duration, of func(field) field) (time.Duration, error) {
		err := option.Complete("part.Options", of(option.Of("Pause", &d, time.Minute)))
		return d, err
	}
	plain := func(f field) field { return f }
	within := func(f field) field { return f.In(time.Second, time.Hour) }
	orNone := func(f field) field { return f.In(time.Second, time.Hour).Or("NoPause") }
	for name, c := range map[string]struct {
		given time.Duration
		of    func(field) field
		want  time.Duration
	}{
		"zero":         {0, plain, time.Minute},
		"given":        {1, plain, 1},
		"least":        {time.Second, within, time.Second},
		"most":         {time.Hour, within, time.Hour},
		"none":         {option.None, orNone, 0},
		"zero or none": {0, orNone, time.Minute},
	} {
		if got, err := pause(c.given, c.of); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		given time.Duration
		of    func(field) field
		want  string
	}{
		"negative":  {-1, plain, "part.Options.Pause is -1ns: want 0s or more, or zero for the default, 1m0s"},
		"short":     {time.Second - 1, within, "want 1s to 1h0m0s"},
		"long":      {time.Hour + 1, within, "want 1s to 1h0m0s"},
		"too short": {1, func(f field) field { return f.AtLeast(2) }, "want 2ns or more"},
		"not none":  {-2, orNone, "or part.NoPause"},
	} {
		_, err := pause(c.given, c.of)
		if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestInOrder: the fields before a wrong one have their defaults.
func TestInOrder(t *testing.T) {
	a, b := 0, -1
	err := option.Complete("part.Options", option.Of("A", &a, 7), option.Of("B", &b, 7))
	if a != 7 || err == nil || !strings.Contains(err.Error(), "part.Options.B is -1") {
		t.Errorf("A is %d, %v", a, err)
	}
}

func TestWrong(t *testing.T) {
	err := option.Wrong("part.Options", "Name", strings.Repeat("n", 100), "want a short one")
	if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), `part.Options.Name is "nnn`) ||
		len(err.Error()) > 140 {
		t.Error(err)
	}
}
