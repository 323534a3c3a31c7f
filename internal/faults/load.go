package faults

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/revocast/revocast/token"
)

// Pace is how busy a [Load] is.
type Pace struct {
	Actors   int           // that revoke, one call at a time each
	Rest     time.Duration // of an actor between calls, on average
	Checkers int           // for each worker, one check at a time each
	Every    time.Duration // of a checker from the end of one check to the next
}

// Load is all users of a rig: actors and checkers. Make it with [NewLoad], start it once, stop it
// once.
type Load struct {
	rig  *Rig
	h    *History
	seed uint64
	name string // prefix of every principal, so that two loads never name the same one

	stop  context.CancelFunc
	crew  sync.WaitGroup // actors and checkers
	tails sync.WaitGroup // the checks that follow a confirmation

	mu      sync.RWMutex // guards what follows
	tokens  []*held
	samples []Sample
	calls   []Call
	wrong   []error
}

// held is a token that somebody holds.
type held struct {
	token.Issued
	record *Record
}

// Call is one call of a publisher, from the first try to the confirmation or to the
// end of the caller's patience.
type Call struct {
	Write
	Tokens  int
	Pending bool // it was answered 202 on the way
	Failed  int  // tries that were answered with an error, or not at all
}

// Took is how long it took to be confirmed; zero if it was not.
func (c *Call) Took() time.Duration {
	if c.Ret == never {
		return 0
	}
	return time.Duration(c.Ret - c.Call)
}

// NewLoad is a load that does nothing yet.
func NewLoad(r *Rig, seed uint64) *Load {
	return &Load{rig: r, h: NewHistory(), seed: seed, name: rand.Text()[:6]}
}

// Start begins.
func (l *Load) Start(ctx context.Context, p Pace) {
	ctx, l.stop = context.WithCancel(ctx)
	for i := range p.Actors {
		l.crew.Go(func() {
			a := &actor{Load: l, random: l.random(uint64(i)), name: fmt.Sprintf("%s-%d", l.name, i), rest: p.Rest}
			a.run(ctx)
		})
	}
	for _, w := range l.rig.Workers {
		for i := range p.Checkers {
			random := l.random(uint64(1000 + w.Number*100 + i))
			l.crew.Go(func() {
				for pause(ctx, p.Every/2+mathrand.N(p.Every)) {
					if t := l.pick(random); t != nil {
						l.check(ctx, w, t)
					}
				}
			})
		}
	}
}

func (l *Load) random(n uint64) *mathrand.Rand { return mathrand.New(mathrand.NewPCG(l.seed, n)) }

// Stop ends the load. Calls under way stay unconfirmed.
func (l *Load) Stop() {
	l.stop()
	l.crew.Wait()
	l.tails.Wait()
}

// login mints a token for a principal, in a session.
func (l *Load) login(principal, session string, notBefore time.Time) *held {
	issued, err := l.rig.minter.Issue(token.Grant{Principal: principal, Session: session, NotBefore: notBefore})
	if err != nil {
		l.fail(err)
		return nil
	}
	t := &held{Issued: issued, record: l.h.Track(fmt.Sprintf("token of %s in session %s", principal, session))}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens = append(l.tokens, t)
	return t
}

// pick is a token to check: every other time one of the latest, else any.
func (l *Load) pick(random *mathrand.Rand) *held {
	l.mu.RLock()
	defer l.mu.RUnlock()
	n := len(l.tokens)
	if n == 0 {
		return nil
	}
	if recent := min(n, 100); random.IntN(2) == 0 {
		return l.tokens[n-1-random.IntN(recent)]
	}
	return l.tokens[random.IntN(n)]
}

// Tokens are all tokens so far.
func (l *Load) Tokens() []*held {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return append([]*held(nil), l.tokens...)
}

func (l *Load) check(ctx context.Context, w *Worker, t *held) Sample {
	s, err := l.rig.ask(ctx, l.h, w, t.Token)
	if err != nil {
		l.fail(err)
	}
	t.record.Check(s.Read)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = append(l.samples, s)
	return s
}

// everywhere checks tokens at all workers concurrently. The checks begin now, and their answers
// are on record before [Load.Stop] returns.
func (l *Load) everywhere(ctx context.Context, tokens []*held) {
	for _, w := range l.rig.Workers {
		l.tails.Go(func() {
			for _, t := range tokens {
				l.check(ctx, w, t)
			}
		})
	}
}

// fail notes an error that no fault excuses.
func (l *Load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, err)
	}
}
