package model

import (
	"context"
	"sync"
)

// Summary counts what came out of several searches.
type Summary struct {
	Sound  int    // whole models without an error
	Caught int    // mutants that were found out
	Wrong  int    // the others, and those that did not get to an end
	States uint64 // of all
}

// RunAll runs cases, so many at a time, and tells report each one's outcome as it
// comes, one after the other. The error is that of [Run] or of [Result.Err].
func RunAll(ctx context.Context, cases []Case, parallel int, report func(Result, error)) Summary {
	queue := make(chan Case)
	var (
		mu  sync.Mutex // guards s, and keeps the reports apart
		s   Summary
		all sync.WaitGroup
	)
	work := func() {
		for c := range queue {
			r, err := Run(ctx, c)
			if err == nil {
				err = r.Err()
			}
			mu.Lock()
			s.add(r, err)
			report(r, err)
			mu.Unlock()
		}
	}
	for range max(parallel, 1) {
		all.Go(work)
	}
	for _, c := range cases {
		queue <- c
	}
	close(queue)
	all.Wait()
	return s
}

func (s *Summary) add(r Result, err error) {
	s.States += r.States
	switch {
	case err != nil:
		s.Wrong++
	case r.Case.Mutant():
		s.Caught++
	default:
		s.Sound++
	}
}
