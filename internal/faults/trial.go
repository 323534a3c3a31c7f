package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

const (
	convergeLimit = 90 * time.Second
	sweepTokens   = 400 // checked at every worker at the end
)

// Scenario is one kind of fault, with what is measured of it.
type Scenario struct {
	Name string
	What string // in a sentence, for the report
	// Strict: the ledger loses nothing that a worker may have seen, so no worker allows again
	// what it has refused.
	Strict  bool
	Replica bool // it needs a replica of Redis
	Heavy   bool // it fills the stores, and gets a rig of its own
	// Pace, if set, takes the place of the usual one.
	Pace *Pace
	Run  func(context.Context, *Trial) error
}

// Trial is one run of a scenario on a rig.
type Trial struct {
	*Rig
	*Load
	Random *rand.Rand
	begin  time.Time

	mu      sync.Mutex
	figures []Figure
	notes   []string
}

// Outcome is the result of a trial.
type Outcome struct {
	Scenario Scenario
	Err      error // it did not run, or not to its end
	Wrong    []error
	*Judgement
	Figures []Figure
	Notes   []string
	Lasted  time.Duration
	Failed  int // calls' tries answered with an error
	Unknown int // checks that were not answered allowed or refused
}

// OK reports whether the trial ran and what it saw was legal.
func (o *Outcome) OK() bool { return o.Err == nil && len(o.Wrong) == 0 && o.Judgement.OK() }

// Try runs one scenario and judges it. The rig is healthy afterwards, or Err says why
// it is not.
func Try(ctx context.Context, r *Rig, s Scenario, seed uint64, p Pace) *Outcome {
	t := &Trial{Rig: r, Load: NewLoad(r, seed), Random: rand.New(rand.NewPCG(seed, 1)), begin: time.Now()}
	if s.Pace != nil {
		p = *s.Pace
	}
	t.Start(ctx, p)
	err := s.Run(ctx, t)
	if err == nil {
		err = t.Converge(ctx)
	}
	if err == nil {
		err = t.sweep(ctx)
	}
	t.Stop()
	o := &Outcome{
		Scenario: s, Err: err, Wrong: t.wrong, Judgement: Judge(t.h, s.Strict),
		Figures: t.figures, Notes: t.notes, Lasted: time.Since(t.begin),
	}
	for _, c := range t.calls {
		o.Failed += c.Failed
	}
	for _, c := range t.samples {
		if c.Answer == Unknown {
			o.Unknown++
		}
	}
	return o
}

// Measure notes a duration, which should be at most the goal unless that is zero. Of several
// durations under one name the worst counts.
func (t *Trial) Measure(name string, value time.Duration, goal time.Duration) {
	f := Figure{Name: name, Value: value.Seconds(), Unit: "s", Goal: goal.Seconds()}
	if goal > 0 {
		f.Want = AtMost
	}
	t.measure(f)
}

func (t *Trial) measure(f Figure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.IndexFunc(t.figures, func(have Figure) bool { return have.Name == f.Name }); i >= 0 {
		t.figures[i].Value = max(t.figures[i].Value, f.Value)
		return
	}
	t.figures = append(t.figures, f)
}

// Note keeps a line for the report.
func (t *Trial) Note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// Rest waits; it fails when ctx ends.
func (t *Trial) Rest(ctx context.Context, d time.Duration) error {
	if !pause(ctx, d) {
		return ctx.Err()
	}
	return nil
}

// Probe revokes a token of its own, once, and waits until it is confirmed or patience
// ends. It returns the call, and the token.
func (t *Trial) Probe(ctx context.Context, patience time.Duration) (*Call, *held) {
	token := t.login(t.name+"-probe", fmt.Sprintf("%s-probe-%d", t.name, t.h.Now()), time.Time{})
	if token == nil {
		return &Call{Write: Write{Ret: never}}, nil
	}
	r := revocast.Revocation{Scope: revocast.ScopeToken, ID: token.Claims.TokenID}
	_, call := t.perform(ctx, t.Load.random(uint64(t.h.Now())), revocation(r, []*held{token}), patience)
	return call, token
}

// Converge ends every fault and waits until the rig is whole: every process is ready, a
// revocation is confirmed by every worker rather than by the end of a lease, and the two stores
// hold the same.
func (t *Trial) Converge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, convergeLimit)
	defer cancel()
	t.Heal()
	if err := t.Healthy(ctx); err != nil {
		return fmt.Errorf("the rig does not recover: %w", err)
	}
	if err := Eventually(ctx, 50*time.Millisecond, func() error { return t.whole(ctx) }); err != nil {
		return fmt.Errorf("the rig is not whole: %w", err)
	}
	if err := t.AwaitAudit(ctx); err != nil {
		return fmt.Errorf("the stores do not agree: %w", err)
	}
	return nil
}

func (t *Trial) whole(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	r := revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprintf("%s-nobody-%d", t.name, t.h.Now())}
	receipt, err := t.Publishers[t.h.Now()%int64(len(t.Publishers))].API.WithWait(8*time.Second).Revoke(ctx, r)
	switch {
	case err != nil:
		return err
	case receipt.Workers.Confirmed < len(t.Workers) || receipt.Workers.Lapsed > 0:
		return fmt.Errorf("of %d workers %+v have confirmed", len(t.Workers), receipt.Workers)
	}
	return nil
}

// sweep checks tokens at every worker when all is well. Each check must be answered, and the
// answers are judged with the rest.
func (t *Trial) sweep(ctx context.Context) error {
	tokens := t.Tokens()
	t.Random.Shuffle(len(tokens), func(i, k int) { tokens[i], tokens[k] = tokens[k], tokens[i] })
	tokens = tokens[:min(len(tokens), sweepTokens)]
	failures := make([]error, len(t.Workers))
	var all sync.WaitGroup
	for i, w := range t.Workers {
		all.Go(func() {
			for _, token := range tokens {
				if failures[i] == nil {
					failures[i] = t.definite(ctx, w, token)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

func (t *Trial) definite(ctx context.Context, w *Worker, token *held) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := Eventually(ctx, 50*time.Millisecond, func() error {
		if s := t.check(ctx, w, token); s.Answer == Unknown {
			return fmt.Errorf("%s answers %d when all is well again", w.Name, s.Status)
		}
		return nil
	})
	return err
}

// Heal ends every fault: links pass, processes run and go on.
func (r *Rig) Heal() {
	for _, s := range r.Redis {
		r.revive(s.Process)
	}
	for _, n := range r.Nodes {
		r.revive(n.Process)
	}
	for _, p := range r.peers() {
		p.Redis.Heal()
		for _, l := range p.NATS {
			l.Heal()
		}
		r.revive(p.Process)
	}
	if r.repl != nil {
		r.repl.Heal()
	}
}

// revive starts a process that was killed and continues one that was paused.
func (r *Rig) revive(p *Process) {
	if p.Resume() != nil {
		_ = p.Start() // it may be about to be started again by itself
	}
}
