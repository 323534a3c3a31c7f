package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// tools are what several parts share, one of each. They know no part.
type tools struct {
	base    *base
	reader  *reader
	states  *states
	turns   *turns
	streams *streams
	names   *namer
}

func newTools(ledger port.Ledger, bus port.Bus, o Options) tools {
	b := newBase(ledger.Realm(), o)
	r := newReader(b.clock, ledger)
	return tools{
		base: b, reader: r,
		states:  &states{base: b, ledger: ledger, reader: r},
		turns:   newTurns(ledger),
		streams: newStreams(b, bus, o.StreamReplicas),
		names:   newNamer(ledger.Realm(), o),
	}
}

// turns asks for the turn to do work that only one publisher of the realm does at a time.
type turns struct {
	ledger turnLedger
	holder string // the name of this publisher among those of the realm
}

type turnLedger interface {
	Turn(ctx context.Context, task, holder string, d time.Duration) (bool, error)
}

func newTurns(ledger turnLedger) *turns {
	return &turns{ledger: ledger, holder: fmt.Sprintf("%016x", component.Random())}
}

// take asks for the turn for d, and reports whether this publisher has it.
func (t *turns) take(ctx context.Context, task string, d time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return t.ledger.Turn(ctx, task, t.holder, d)
}

// mine is take, but a ledger that does not answer means no.
func (t *turns) mine(ctx context.Context, task string, d time.Duration) bool {
	mine, err := t.take(ctx, task, d)
	return err == nil && mine
}
