package code_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/store/storetest"
)

// lossy is a connection that loses the replies of the next scripts that were run.
type lossy struct{ lose atomic.Int64 }

func (*lossy) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (l *lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := next(ctx, cmd); err != nil || l.lose.Add(-1) < 0 {
			return err
		}
		cmd.SetErr(io.EOF)
		return io.EOF
	}
}

func (*lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestLostReplies: what was done and not answered is found done when the call is repeated.
func TestLostReplies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		var l lossy
		b.Client.AddHook(&l)
		s := open(t, b.Client, code.Options{})

		l.lose.Store(2)
		text := create(t, s, "ann") // not "too early for another one"
		for left := 4; left >= 2; left-- {
			l.lose.Store(2)
			var r *code.Refusal
			err := s.Verify(t.Context(), reset, "ann", wrong(text))
			if !errors.As(err, &r) || r.Why != code.Wrong || r.Left != left {
				t.Fatalf("a wrong guess whose reply is lost: %#v, want %d left", err, left)
			}
		}
		l.lose.Store(2)
		c, err := s.Claim(t.Context(), reset, "ann", text, "step", time.Minute)
		if err != nil {
			t.Fatalf("a claim whose reply is lost: %v", err)
		}
		if err := s.Reopen(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		l.lose.Store(2)
		check(t, s, "ann", text, "")
		check(t, s, "ann", text, code.Used)

		text = func() string {
			c, err := s.Create(t.Context(), "login", "ann")
			if err != nil {
				t.Fatal(err)
			}
			return c.Text
		}()
		l.lose.Store(3) // as often as it is tried
		if err := s.Verify(t.Context(), "login", "ann", text); !errors.Is(err, revocast.ErrOutcomeUnknown) {
			t.Errorf("no reply at all: %v, want ErrOutcomeUnknown", err)
		}
	})
}

// between loses the reply of the next script, and does something before it is sent again.
type between struct{ do func() }

func (*between) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err != nil || b.do == nil {
			return err
		}
		do := b.do
		b.do = nil
		do()
		cmd.SetErr(io.EOF)
		return io.EOF
	}
}

func (*between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestDefectAWrongGuessThatIsRepeatedIsTakenForTheRightOne: the reply to a wrong guess is
// lost, and the code is used up by its owner before the guess is sent again.
func TestDefectAWrongGuessThatIsRepeatedIsTakenForTheRightOne(t *testing.T) {
	for _, how := range []string{"Verify", "Claim"} {
		t.Run(how, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, b storetest.Backend) {
				var h between
				b.Client.AddHook(&h)
				s := open(t, b.Client, code.Options{})
				text := create(t, s, "ann")
				held := claim(t, s, text, "the owner's", nil)
				h.do = func() {
					if err := s.Finish(t.Context(), held); err != nil {
						t.Error(err)
					}
				}
				var err error
				if how == "Verify" {
					err = s.Verify(t.Context(), reset, "ann", wrong(text))
				} else {
					_, err = s.Claim(t.Context(), reset, "ann", wrong(text), "another", time.Minute)
				}
				if !errors.Is(err, code.ErrCode) {
					t.Fatalf("a wrong code: %v, want ErrCode", err)
				}
				check(t, s, "ann", text, code.Used)
			})
		})
	}
}
