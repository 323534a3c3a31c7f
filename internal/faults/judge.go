package faults

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// judgeLimit bounds the search through one token's history. One that takes longer
// counts as undecided, which fails a trial like an illegal one.
const judgeLimit = 20 * time.Second

// Judgement is the result of judging a history.
type Judgement struct {
	Histories  int // histories that porcupine decided: one for each token, and one for each token and worker
	Operations int
	Checks     int
	Confirmed  int // calls
	Open       int // calls that were never confirmed
	Illegal    []string
	Undecided  []string
	Took       time.Duration
}

// OK reports whether every history was decided and legal.
func (j *Judgement) OK() bool { return len(j.Illegal) == 0 && len(j.Undecided) == 0 }

// task is one history for porcupine.
type task struct {
	what  string
	model porcupine.Model
	ops   []porcupine.Operation
}

// Judge makes porcupine check every token's history. strict adds each worker's own view, as an
// atomic register.
func Judge(h *History, strict bool) *Judgement {
	began := time.Now()
	j := &Judgement{}
	tasks := j.tasks(h, strict)
	j.Histories = len(tasks)
	work := make(chan task)
	var mu sync.Mutex // guards j
	var crew sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		crew.Go(func() {
			for t := range work {
				result := porcupine.CheckOperationsTimeout(t.model, t.ops, judgeLimit)
				mu.Lock()
				j.note(t, result)
				mu.Unlock()
			}
		})
	}
	for _, t := range tasks {
		work <- t
	}
	close(work)
	crew.Wait()
	slices.Sort(j.Illegal)
	j.Took = time.Since(began)
	return j
}

func (j *Judgement) tasks(h *History, strict bool) []task {
	var tasks []task
	seen := make(map[*Write]bool)
	for _, r := range h.Records() {
		reads, writes := r.snapshot()
		j.count(r, seen)
		j.Checks += len(reads)
		tasks = append(tasks, task{r.name, promise(), promiseHistory(reads, writes)})
		if !strict {
			continue
		}
		for worker := range workersOf(reads) {
			tasks = append(tasks, task{
				fmt.Sprintf("%s at worker %d", r.name, worker), register(), registerHistory(worker, reads, writes),
			})
		}
	}
	return tasks
}

// count counts each call once, however many tokens it covers.
func (j *Judgement) count(r *Record, seen map[*Write]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.writes {
		if seen[w] {
			continue
		}
		seen[w] = true
		if w.Ret == never {
			j.Open++
		} else {
			j.Confirmed++
		}
	}
}

func workersOf(reads []Read) map[int]bool {
	set := make(map[int]bool)
	for _, r := range reads {
		set[r.Worker] = true
	}
	return set
}

func (j *Judgement) note(t task, result porcupine.CheckResult) {
	j.Operations += len(t.ops)
	switch result {
	case porcupine.Ok:
	case porcupine.Illegal:
		j.Illegal = append(j.Illegal, t.what+"\n"+excerpt(t))
	case porcupine.Unknown:
		j.Undecided = append(j.Undecided, t.what)
	default:
		j.Undecided = append(j.Undecided, fmt.Sprintf("%s: %s", t.what, result))
	}
}

// excerpt writes an illegal history for a person to read: all calls, and the checks around the
// first one that contradicts them.
func excerpt(t task) string {
	const around = 12
	ops := slices.Clone(t.ops)
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	first := suspect(ops)
	var b strings.Builder
	for i, op := range ops {
		if op.Input.(step).kind == stepRead && (i < first-around || i > first+around) {
			continue
		}
		mark := ' '
		if i == first {
			mark = '>'
		}
		fmt.Fprintf(&b, "    %c %12s … %-12s %s\n", mark, stamp(op.Call), stamp(op.Return), describe(op.Input, nil))
	}
	return strings.TrimRight(b.String(), "\n")
}

// suspect is the first check that says allowed after something was confirmed as
// refused, or refused before anybody asked for it; else the last operation.
func suspect(ops []porcupine.Operation) int {
	for i, op := range ops {
		s := op.Input.(step)
		if s.kind != stepRead {
			continue
		}
		asked, confirmed := false, false
		for _, w := range ops {
			in := w.Input.(step)
			write := in.kind != stepRead && in.value == Refused
			asked = asked || write && w.Call <= op.Return
			confirmed = confirmed || write && in.kind != stepBegin && w.Return < op.Call
		}
		if s.value == Allowed && confirmed || s.value == Refused && !asked {
			return i
		}
	}
	return len(ops) - 1
}

func stamp(ns int64) string {
	if ns == never {
		return "never"
	}
	return time.Duration(ns).Round(time.Microsecond).String()
}
