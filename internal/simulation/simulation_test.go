package simulation

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestSeeds runs SEEDS seeds from SEED on, or as many as fit into SIMTIME; with MUTANT,
// until that mutant is caught.
func TestSeeds(t *testing.T) {
	if text := os.Getenv(orderVar); text != "" {
		obey(t, text)
		return
	}
	count := uint64(5_000)
	if raced {
		count = 250
	}
	limit, err := time.ParseDuration(setting("SIMTIME", "1h"))
	if err != nil {
		t.Fatal(err)
	}
	o := order{First: number(t, "SEED", 1), Count: number(t, "SEEDS", count), For: limit, Mutant: setting("MUTANT", "")}
	mutant(t, o.Mutant)
	r, err := search(t.Context(), o, processors())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(summary(r))
	if f := r.Failed; f != nil {
		t.Errorf("seed %d: %d violations, such as\n%s\n%s", f.Seed, len(f.Violations), f.Violations[0], f.text())
	}
	if r.Happened.Confirmed == 0 || r.Happened.Held == 0 {
		t.Error("nothing was confirmed, or nothing held against it")
	}
}

// text is the part of what leads to a failure that is worth reading.
func (f *failure) text() string {
	if f.Scenario == "" {
		return ""
	}
	lines := append([]string{"shrunk:", f.Scenario}, f.Record[:min(len(f.Record), 400)]...)
	for _, v := range f.Violations {
		lines = append(lines, v.String())
	}
	return strings.Join(lines, "\n")
}

// summary says what ran and what happened.
func summary(r report) string {
	h := &r.Happened
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\n  "+format, args...) }
	violations := 0
	if r.Failed != nil {
		violations = len(r.Failed.Violations)
	}
	line("seeds        %d in %s, %.0f a second; %s of virtual time; violations: %d", h.Seeds,
		r.Took.Round(time.Millisecond),
		float64(h.Seeds)/max(r.Took.Seconds(), 1e-9), h.Virtual.Round(time.Second), violations)
	line("calls        %d asked for, %d confirmed, %d given up", h.Asked, h.Confirmed, h.Unconfirmed)
	line("checks       %d: %d allowed, %d revoked, %d unknown; %d of them began after a confirmation that covers them",
		h.Checks, h.Allowed, h.Revoked, h.Unknown, h.Held)
	line("epochs       %d begun by recoveries", h.Epochs)
	line("store calls  %d: %d lost, %d late, %d without an answer", h.Calls, h.CallsLost, h.CallsLate, h.AnswersLost)
	line("messages     %d: %d lost, %d late, %d repeated", h.Messages, h.MessagesLost, h.MessagesLate,
		h.MessagesRepeated)
	var faults []string
	for _, k := range slices.Sorted(maps.Keys(h.Steps)) {
		if k.fault() {
			faults = append(faults, fmt.Sprintf("%s %d", k, h.Steps[k]))
		}
	}
	line("faults       %s", strings.Join(faults, ", "))
	return b.String()
}

func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(setting(name, strconv.FormatUint(otherwise, 10)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
