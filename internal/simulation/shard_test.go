package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// order is what one process of a search is to do: every Step-th seed from First on.
type order struct {
	First, Step, Count uint64
	For                time.Duration
	Mutant             string
}

// report is what came of it.
type report struct {
	Happened Happened
	Took     time.Duration
	Failed   *failure
}

// failure is a seed that fails.
type failure struct {
	Seed       uint64
	Violations []Violation
	Scenario   string // shrunk
	Record     []string
}

const (
	orderVar  = "REVOCAST_SIMULATION_ORDER"
	reportTag = "simulation report: "
)

// search runs seeds in processes of one processor each, which hardly ever collect
// garbage: there the runtime has the fewest choices, so that a seed goes the same way
// again, and bubbles share no locks.
func search(ctx context.Context, o order, processes int) (sum report, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range uint64(processes) {
		wg.Go(func() {
			mine := o
			mine.First, mine.Step, mine.Count = o.First+
				i, uint64(processes), (o.Count+uint64(processes)-1-i)/uint64(processes)
			r, failed := delegate(ctx, mine)
			mu.Lock()
			defer mu.Unlock()
			sum.Happened.add(&r.Happened)
			sum.Took = max(sum.Took, r.Took)
			if r.Failed != nil && (sum.Failed == nil || r.Failed.Seed < sum.Failed.Seed) {
				sum.Failed = r.Failed
				cancel()
			}
			if failed != nil && ctx.Err() == nil {
				err = errors.Join(err, failed)
				cancel()
			}
		})
	}
	wg.Wait()
	return sum, err
}

// delegate has another process of this program carry an order out.
func delegate(ctx context.Context, o order) (r report, err error) {
	text, err := json.Marshal(o)
	if err != nil {
		return r, err
	}
	var out, problems bytes.Buffer
	c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSeeds$", "-test.timeout=0", "-test.count=1")
	c.Env = append(os.Environ(), orderVar+"="+string(text), "GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=256MiB",
		"GODEBUG=asyncpreemptoff=1")
	c.Stdout, c.Stderr = &out, &problems
	ended := c.Run()
	for line := range strings.Lines(out.String()) {
		if text, ok := strings.CutPrefix(line, reportTag); ok {
			return r, json.Unmarshal([]byte(text), &r)
		}
	}
	return r, fmt.Errorf("no report: %w\n%s%s", ended, out.String(), problems.String())
}

// obey carries an order out and reports.
func obey(t *testing.T, text string) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	m, began := mutant(t, o.Mutant), time.Now()
	var r report
	for n := uint64(0); n < o.Count && time.Since(began) < o.For; n++ {
		s := Generate(o.First + n*o.Step)
		result := Run(t, s, m)
		r.Happened.add(&result.Happened)
		if len(result.Violations) > 0 {
			r.Failed = explain(t, s, m, result)
			break
		}
	}
	r.Took = time.Since(began)
	out, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\n%s%s\n", reportTag, out)
}

// explain shrinks a scenario that fails. Mutants are not worth the time.
func explain(t *testing.T, s Scenario, m Mutant, r Result) *failure {
	if m.Name != "" {
		return &failure{Seed: s.Seed, Violations: r.Violations}
	}
	small := Shrink(s, func(s Scenario) bool { return len(Run(t, s, m).Violations) > 0 })
	again := Record(t, small, m)
	return &failure{
		Seed: s.Seed, Violations: append(r.Violations, again.Violations...), Scenario: small.String(),
		Record: again.Record,
	}
}

func mutant(t *testing.T, name string) Mutant {
	t.Helper()
	if name == "" {
		return Mutant{}
	}
	for _, m := range Mutants() {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no mutant %q", name)
	return Mutant{}
}

func processors() int { return max(1, runtime.NumCPU()) }
