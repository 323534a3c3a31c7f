package faults

import (
	"fmt"
	"io"
	"time"
)

// Totals add up what trials did.
type Totals struct {
	Trials, Failed, Histories, Operations, Checks, Confirmed, Illegal, Undecided int
	Missed                                                                       []string
	Began                                                                        time.Time
}

// Add takes in a trial.
func (s *Totals) Add(o *Outcome) {
	s.Trials++
	if !o.OK() {
		s.Failed++
	}
	s.Histories += o.Histories
	s.Operations += o.Operations
	s.Checks += o.Checks
	s.Confirmed += o.Confirmed
	s.Illegal += len(o.Illegal)
	s.Undecided += len(o.Undecided)
	for _, f := range o.Figures {
		if f.Missed() {
			s.Missed = append(s.Missed, o.Scenario.Name+": "+f.String())
		}
	}
}

// Print writes the last lines of a report.
func (s *Totals) Print(w io.Writer) {
	fmt.Fprintf(w, "\n%d trials in %s: %d checks and %d confirmed calls in %d histories of %d operations: "+
		"%d illegal, %d unknown\n",
		s.Trials, time.Since(s.Began).Round(time.Second),
		s.Checks, s.Confirmed, s.Histories, s.Operations, s.Illegal, s.Undecided)
	for _, m := range s.Missed {
		fmt.Fprintf(w, "goal missed: %s\n", m)
	}
	if s.Failed > 0 {
		fmt.Fprintf(w, "%d trials failed\n", s.Failed)
	}
}

// Print writes one trial's part of a report.
func (o *Outcome) Print(w io.Writer) {
	verdict := "ok"
	if !o.OK() {
		verdict = "FAILED"
	}
	fmt.Fprintf(w, "%-6s %s: %s\n", verdict, o.Scenario.Name, o.Scenario.What)
	fmt.Fprintf(w, "       %s: %d checks (%d unknown), %d confirmed, %d open, %d tries failed; %d illegal, %d "+
		"unknown of %d histories\n",
		o.Lasted.Round(
			100*time.Millisecond,
		), o.Checks, o.Unknown, o.Confirmed, o.Open, o.Failed, len(o.Illegal), len(o.Undecided), o.Histories)
	for _, n := range o.Notes {
		fmt.Fprintf(w, "       %s\n", n)
	}
	for _, f := range o.Figures {
		fmt.Fprintf(w, "       %s\n", f)
	}
	if o.Err != nil {
		fmt.Fprintf(w, "       error: %v\n", o.Err)
	}
	for _, err := range o.Wrong {
		fmt.Fprintf(w, "       wrong: %v\n", err)
	}
	const show = 5
	for i, text := range o.Illegal {
		if i == show {
			fmt.Fprintf(w, "       and %d more\n", len(o.Illegal)-show)
			break
		}
		fmt.Fprintf(w, "       illegal: %s\n", text)
	}
	for _, text := range o.Undecided {
		fmt.Fprintf(w, "       undecided: %s\n", text)
	}
}
