package component

import (
	"context"
	"errors"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// TestRunError: what ended from outside is no failure.
func TestRunError(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct{ cause, want error }{
		"cancelled":    {nil, nil},
		"its deadline": {context.DeadlineExceeded, nil},
		"a failure":    {broken, broken},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(c.cause)
		if got := RunError(ctx); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, got)
		}
		err := JoinCause(revocast.ErrFenced, ctx)
		if !errors.Is(err, revocast.ErrFenced) || !errors.Is(err, context.Cause(ctx)) {
			t.Errorf("%s: %v, want both", name, err)
		}
	}
}

func TestOptions(t *testing.T) {
	n := 0
	SetDefault(&n, 7)
	SetDefault(&n, 9)
	if n != 7 {
		t.Error(n)
	}
	if a, b := Random(), Random(); a == b {
		t.Error("the same number twice")
	}
}

func TestSignal(t *testing.T) {
	c := make(chan struct{}, 1)
	Signal(c)
	Signal(c)
	<-c
	select {
	case <-c:
		t.Error("two signals that nobody has heard are one")
	default:
	}
}

type ledger struct {
	port.WorkerLedger
	realm string
}

func (l ledger) Realm() string { return l.realm }

type bus struct {
	port.WorkerBus
	realm string
}

func (b bus) Realm() string { return b.realm }

func TestSameRealm(t *testing.T) {
	if err := SameRealm(ledger{realm: "a"}, bus{realm: "a"}); err != nil {
		t.Error(err)
	}
	if err := SameRealm(ledger{realm: "a"}, bus{realm: "b"}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid", err)
	}
}
