package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// epochVerifier asks the ledger whether an epoch is still in charge. Callers that are waiting
// when a question is sent share its answer. Later callers wait for the next question.
//
// The ledger itself cannot know that an operator gave the realm to another server. So an answer
// counts only while the epoch's record has been seen unchanged within chargeLife: a publisher
// that takes over waits for longer than that before it reads the stream (standDown), and finds
// there what JetStream had acknowledged before the question.
type epochVerifier struct {
	*base
	ledger    verifyLedger
	fit       func() error // why the stream cannot be relied on; nil: it can
	lookAgain func()       // makes the keeper look at the ledger

	asks    chan verifyAsk
	charged atomic.Pointer[charge]
}

type verifyLedger interface {
	Verify(ctx context.Context, epoch uint64) (port.Verified, error)
}

// charge says that, asked at sent, the record named no later epoch.
type charge struct {
	epoch uint64
	sent  time.Duration
}

const chargeLife = time.Second

func (v *epochVerifier) charge(epoch uint64, sent time.Duration) {
	v.charged.Store(&charge{epoch, sent})
}

// inCharge reports whether the record is known well enough for a question sent at sent.
func (v *epochVerifier) inCharge(epoch uint64, sent time.Duration) bool {
	c := v.charged.Load()
	return c != nil && c.epoch == epoch && sent-c.sent < chargeLife
}

type verifyAsk struct {
	epoch  uint64
	answer chan<- verifyAnswer // buffered
}

type verifyAnswer struct {
	settled bool
	err     error
}

// settlePoll is how often an unsettled epoch is asked about again.
const settlePoll = 50 * time.Millisecond

func newEpochVerifier(b *base, ledger verifyLedger, fit func() error, lookAgain func()) *epochVerifier {
	return &epochVerifier{base: b, ledger: ledger, fit: fit, lookAgain: lookAgain, asks: make(chan verifyAsk)}
}

// settled returns nil once the ledger has said, in answer to a question sent after the
// call, that epoch is open and settled. [revocast.ErrEpoch]: another one is open. A ledger that
// does not answer is asked until ctx ends.
func (v *epochVerifier) settled(ctx context.Context, epoch uint64) error {
	for {
		answer, err := v.ask(ctx, epoch)
		pause := settlePoll
		switch {
		case err != nil:
			return err
		case answer.err == nil && answer.settled:
			return nil
		case errors.Is(answer.err, revocast.ErrEpoch):
			return answer.err
		case errors.Is(answer.err, revocast.ErrRecovering), errors.Is(answer.err,
			revocast.ErrUninitialised), errors.Is(answer.err, revocast.ErrFenced):
			v.lookAgain()
		case answer.err != nil:
			pause = component.RetryMin
		}
		if !v.sleep(ctx, pause, nil) {
			return context.Cause(ctx)
		}
	}
}

func (v *epochVerifier) ask(ctx context.Context, epoch uint64) (verifyAnswer, error) {
	answer := make(chan verifyAnswer, 1)
	select {
	case v.asks <- verifyAsk{epoch, answer}:
	case <-ctx.Done():
		return verifyAnswer{}, context.Cause(ctx)
	}
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		return verifyAnswer{}, context.Cause(ctx)
	}
}

// run collects callers and sends one question for all of them.
func (v *epochVerifier) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-v.asks:
			v.serve(ctx, v.collect(first))
		}
	}
}

func (v *epochVerifier) collect(first verifyAsk) []verifyAsk {
	asks := []verifyAsk{first}
	for {
		select {
		case more := <-v.asks:
			asks = append(asks, more)
		default:
			return asks
		}
	}
}

func (v *epochVerifier) serve(ctx context.Context, asks []verifyAsk) {
	answers := make(map[uint64]verifyAnswer, 1)
	for _, a := range asks {
		answer, asked := answers[a.epoch]
		if !asked {
			answer = v.question(ctx, a.epoch)
			answers[a.epoch] = answer
		}
		a.answer <- answer
	}
}

func (v *epochVerifier) question(ctx context.Context, epoch uint64) verifyAnswer {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	sent := v.clock.Monotonic()
	answer, err := v.ledger.Verify(ctx, epoch)
	if err == nil && !v.inCharge(epoch, sent) {
		v.lookAgain()
		err = fmt.Errorf("%w: it is not known whether another server carries on the realm", revocast.ErrUnavailable)
	}
	if unfit := v.fit(); err == nil && unfit != nil {
		err = fmt.Errorf("%w: %w", revocast.ErrUnavailable, unfit)
	}
	return verifyAnswer{settled: answer.Settled, err: err}
}
