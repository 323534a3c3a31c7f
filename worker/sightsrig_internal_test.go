package worker

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// handClock moves when the test moves it, and to the end of each timer that is made.
type handClock struct {
	mono  time.Duration
	wall  time.Time
	stuck bool // a timer fires and no time passes
	late  bool // a timer fires only for the second who looks at it
}

func (c *handClock) Monotonic() time.Duration { return c.mono }
func (c *handClock) Now() time.Time           { return c.wall }

func (c *handClock) NewTimer(d time.Duration) port.Timer {
	if c.late {
		return &lateTimer{clock: c, d: d}
	}
	if !c.stuck {
		c.mono += d
	}
	fired := make(handTimer, 1)
	fired <- c.wall
	return fired
}

type handTimer chan time.Time

func (t handTimer) C() <-chan time.Time      { return t }
func (t handTimer) Stop() bool               { return true }
func (t handTimer) Reset(time.Duration) bool { return true }

// lateTimer fires when it is looked at for the second time.
type lateTimer struct {
	handTimer
	clock *handClock
	d     time.Duration
	seen  bool
}

func (t *lateTimer) C() <-chan time.Time {
	if !t.seen {
		t.seen = true
		return nil
	}
	t.clock.mono += t.d
	fired := make(handTimer, 1)
	fired <- t.clock.wall
	return fired
}

// sightLedger answers as it is told, and remembers what it was asked.
type sightLedger struct {
	port.WorkerLedger
	answers []port.Sighted
	err     error
	asked   []port.Sighting
}

func (l *sightLedger) Sight(_ context.Context, s port.Sighting) (port.Sighted, error) {
	l.asked = append(l.asked, s)
	if l.err != nil {
		return port.Sighted{}, l.err
	}
	answer := l.answers[0]
	if len(l.answers) > 1 {
		l.answers = l.answers[1:]
	}
	return answer, nil
}

const (
	sightNow = int64(1_700_000_000_000) // the ledger's time in these tests, on the worker's clock too
	sightISS = "https://issuer.example"
)

type sightRig struct {
	*sights
	clock  *handClock
	ledger *sightLedger
	log    *bytes.Buffer
}

// newSights has heard the ledger's clock once, unless its terms are nil.
func newSights(terms *port.Terms, answers ...port.Sighted) sightRig {
	r := sightRig{
		clock:  &handClock{mono: time.Hour, wall: time.UnixMilli(sightNow)},
		ledger: &sightLedger{answers: answers}, log: &bytes.Buffer{},
	}
	s := &Subscriber{clock: r.clock, ledger: r.ledger, realm: "r", log: slog.New(slog.NewTextHandler(r.log, nil))}
	s.names.Store((*names.Secrets)(nil).Latest("r"))
	r.sights = &sights{s: s}
	s.sights = r.sights
	if terms != nil {
		s.terms.Store(terms)
		r.hear(sightNow, terms)
	}
	return r
}

func issuedAhead(ms int64) *revocast.Claims {
	return &revocast.Claims{Issuer: sightISS, IssuedAt: time.UnixMilli(sightNow + ms)}
}

func (r sightRig) registerAhead(ms int64) error {
	return r.register(context.Background(), issuedAhead(ms), time.Second)
}

func skewed() *port.Terms { return &port.Terms{Skew: 2 * time.Second} }
