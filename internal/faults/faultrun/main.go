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
	flag.DurationVar(&o.duration, "duration", 10*time.Minute, "how long to run in all, at least every scenario once")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1_000_000), "seed of the faults and the load; times do not repeat exactly, the schedule does")
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
	deadline := totals.Began.Add(o.duration)
	for _, replica := range []bool{false, true} {
		until := deadline
		if !replica {
			until = totals.Began.Add(o.duration * 2 / 3)
		}
		if err := o.stage(ctx, dir, programs, replica, until, totals); err != nil {
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

// stage runs the scenarios of one shape on one rig.
func (o *options) stage(ctx context.Context, dir, programs string, replica bool, until time.Time, totals *faults.Totals) error {
	var scenarios []faults.Scenario
	for _, s := range faults.Scenarios() {
		if s.Replica == replica && strings.Contains(s.Name, o.only) {
			scenarios = append(scenarios, s)
		}
	}
	if len(scenarios) == 0 {
		return nil
	}
	shape := faults.Shape{Workers: o.workers, Publishers: 2, Nodes: 3, Replica: replica, Lease: 3 * time.Second}
	if replica {
		shape.Fence = 3 * time.Second
	}
	logs := filepath.Join(dir, map[bool]string{false: "single", true: "replicated"}[replica])
	if err := os.Mkdir(logs, 0o700); err != nil {
		return err
	}
	began := time.Now()
	rig, err := faults.NewRig(ctx, logs, programs, shape)
	if rig != nil {
		defer rig.Close()
	}
	if err != nil {
		return err
	}
	fmt.Printf("\n%s; up after %s\n\n", shape, time.Since(began).Round(100*time.Millisecond))
	pace := faults.Pace{Actors: 6, Rest: 300 * time.Millisecond, Checkers: 2, Every: 15 * time.Millisecond}
	for _, s := range scenarios {
		outcome := faults.Try(ctx, rig, s, o.seed, pace)
		outcome.Print(os.Stdout)
		totals.Add(outcome)
		if outcome.Err != nil {
			return fmt.Errorf("%s: %w", s.Name, outcome.Err)
		}
	}
	_ = until
	return nil
}
