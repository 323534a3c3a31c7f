// Command faultrun is the long run of the fault tests: every scenario on a whole
// deployment, then faults drawn from the seed until the time is up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/revocast/revocast/internal/faults"
)

func main() {
	o := options{}
	flag.DurationVar(&o.duration, "duration",
		10*time.Minute, "how long to run in all; every scenario runs at least once")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1_000_000),
		"seed of the faults and the load; times do not repeat exactly, the schedule does")
	flag.StringVar(&o.only, "only", "", "run the scenarios whose names contain this, and nothing else")
	flag.IntVar(&o.workers, "workers", 8, "workers")
	flag.BoolVar(&o.keep, "keep", false, "keep the logs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

type options struct {
	duration time.Duration
	seed     uint64
	only     string
	workers  int
	keep     bool
}

func (o *options) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil || o.keep {
			fmt.Println("logs are in", dir)
			return
		}
		_ = os.RemoveAll(dir)
	}()
	fmt.Printf("seed %d\n", o.seed)
	programs := filepath.Join(dir, "bin")
	if err := faults.Build(ctx, programs); err != nil {
		return err
	}
	totals := &faults.Totals{Began: time.Now()}
	for _, st := range o.stages() {
		if err := o.stage(ctx, dir, programs, st, totals); err != nil {
			return err
		}
	}
	totals.Print(os.Stdout)
	switch {
	case totals.Trials == 0:
		return fmt.Errorf("no scenario is called %q", o.only)
	case totals.Failed > 0:
		return errors.New("the guarantees did not hold, or could not be checked")
	}
	return nil
}

// stage is one rig and what is run on it.
type stage struct {
	name  string
	shape faults.Shape
	heavy bool
	// share of the whole duration after which no more faults are drawn; 0: none are.
	share float64
}

func (o *options) stages() []stage {
	single := faults.Shape{Workers: o.workers, Publishers: 2, Nodes: 3, Lease: 3 * time.Second}
	replicated := single
	replicated.Replica, replicated.Fence = true, 3*time.Second
	return []stage{
		{"single", single, false, 0.6},
		{"replicated", replicated, false, 0.85},
		{"heavy", single, true, 0},
	}
}

// stage runs the scenarios of one rig, then draws faults until its share is used up.
func (o *options) stage(ctx context.Context, dir, programs string, st stage, totals *faults.Totals) error {
	var scenarios []faults.Scenario
	for _, s := range faults.Scenarios() {
		if s.Replica == st.shape.Replica && s.Heavy == st.heavy && strings.Contains(s.Name, o.only) {
			scenarios = append(scenarios, s)
		}
	}
	draws := st.share > 0 && strings.Contains("drawn", o.only)
	if len(scenarios) == 0 && !draws {
		return nil
	}
	logs := filepath.Join(dir, st.name)
	if err := os.Mkdir(logs, 0o700); err != nil {
		return err
	}
	began := time.Now()
	rig, err := faults.NewRig(ctx, logs, programs, st.shape)
	if rig != nil {
		defer rig.Close()
	}
	if err != nil {
		return err
	}
	fmt.Printf("\n%s; up after %s\n\n", st.shape, time.Since(began).Round(100*time.Millisecond))
	for _, s := range scenarios {
		if err := try(ctx, rig, s, o.seed, totals); err != nil {
			return err
		}
	}
	until := totals.Began.Add(time.Duration(st.share * float64(o.duration)))
	for seed := o.seed; draws && time.Now().Before(until); seed++ {
		if err := try(ctx, rig, faults.Drawn(seed, st.shape), seed, totals); err != nil {
			return err
		}
	}
	return nil
}

func try(ctx context.Context, rig *faults.Rig, s faults.Scenario, seed uint64, totals *faults.Totals) error {
	pace := faults.Pace{Actors: 6, Rest: 300 * time.Millisecond, Checkers: 2, Every: 15 * time.Millisecond}
	outcome := faults.Try(ctx, rig, s, seed, pace)
	outcome.Print(os.Stdout)
	totals.Add(outcome)
	if outcome.Err != nil {
		return fmt.Errorf("%s: %w", s.Name, outcome.Err)
	}
	return nil
}
