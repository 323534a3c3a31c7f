// Command check searches the models through, whole and without each safeguard, two at
// a time, and prints what it found. It fails if a whole model has an error or a
// mutant has none.
//
//	go run ./model/check [-quick] [pattern]
//
// The pattern is a regular expression over the names that it prints.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/revocast/revocast/model"
)

func main() {
	quick := flag.Bool("quick", false, "only what the test suite runs")
	parallel := flag.Int("parallel", 2, "searches at a time; one takes up to 3 GB")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, flag.Arg(0), *quick, *parallel); err != nil {
		fmt.Fprintln(os.Stderr, "model:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, pattern string, quick bool, parallel int) error {
	if err := model.Available(); err != nil {
		return err
	}
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	var cases []model.Case
	for _, c := range model.Cases() {
		if wanted.MatchString(c.String()) && !(quick && c.Thorough) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return fmt.Errorf("no case is named %q", pattern)
	}
	started := time.Now()
	s := model.RunAll(ctx, cases, parallel, func(r model.Result, err error) { report(out, r, err) })
	fmt.Fprintf(out, "\n%d whole models without an error, %d mutants found out, %d wrong; %d states in %s\n",
		s.Sound, s.Caught, s.Wrong, s.States, time.Since(started).Round(100*time.Millisecond))
	if s.Wrong > 0 {
		return fmt.Errorf("%d of %d came out wrong", s.Wrong, len(cases))
	}
	return nil
}

func report(out io.Writer, r model.Result, err error) {
	verdict := "ok    no error"
	switch {
	case err != nil:
		fmt.Fprintf(out, "WRONG %v\n", err)
		return
	case r.Case.Mutant():
		verdict = "ok    found out"
	}
	fmt.Fprintf(out, "%-15s %-32s %11d states %6.0f MB %6.1f s\n", verdict, r.Case, r.States, r.Memory,
		r.Took.Seconds())
}
