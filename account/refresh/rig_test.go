package refresh_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/revocasttest"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

const issuer = "https://issuer.example"

// recorder is a publisher that writes down what it is told.
type recorder struct{ *revocasttest.Recorder }

func newRecorder() recorder { return recorder{revocasttest.NewRecorder("test")} }

// take returns what was revoked since it was asked last, as a ledger takes it.
func (r recorder) take() []revocast.Revocation { return storetest.CutOff(r.Take()) }

// ledger answers as a guard would: what it was given stands.
type ledger struct {
	mu      sync.Mutex // guards verdict, asked
	verdict func(*revocast.Claims) revocast.Verdict
	asked   []revocast.Claims
}

func (l *ledger) check(_ context.Context, c *revocast.Claims) revocast.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, *c)
	return l.verdict(c)
}

func (l *ledger) say(o revocast.Outcome, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verdict = func(*revocast.Claims) revocast.Verdict { return revocast.Verdict{Outcome: o, Err: cause} }
}

// rig is a store on one backend, its outbox and its publisher.
type rig struct {
	testing.TB
	*refresh.Store
	ctx     context.Context
	rdb     redis.UniversalClient
	outbox  *outbox.Outbox
	pub     recorder
	advance func(time.Duration)
}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func newRig(tb testing.TB, b storetest.Backend, o refresh.Options) *rig {
	tb.Helper()
	r := &rig{TB: tb, ctx: context.Background(), rdb: b.Client, pub: newRecorder(), advance: b.Advance}
	var err error
	r.outbox, err = outbox.New(b.Client, r.pub, outbox.Options{})
	r.must(err)
	r.Store = r.open(o)
	return r
}

// open makes a store on what the rig has, as another process would.
func (r *rig) open(o refresh.Options) *refresh.Store {
	r.Helper()
	if o.Key == nil {
		o.Key = key('k')
	}
	if o.Issuer == "" {
		o.Issuer = issuer
	}
	s, err := refresh.New(r.outbox, o)
	r.must(err)
	return s
}

func embedded(tb testing.TB, o refresh.Options) *rig {
	tb.Helper()
	s := storetest.Embedded(tb)
	return newRig(tb, storetest.Backend{Name: "embedded", Client: s.Client(), Advance: s.Advance}, o)
}

func onRedis(tb testing.TB, o refresh.Options) *rig {
	tb.Helper()
	return newRig(tb, storetest.Backend{
		Name: "redis", Client: storetest.Redis(tb, "--appendfsync", "everysec").Client(),
	}, o)
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// is reports an error that is not what it should be.
func (r *rig) is(what string, err error, wants ...error) {
	r.Helper()
	for _, want := range wants {
		if !errors.Is(err, want) {
			r.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	if len(wants) == 0 && err != nil {
		r.Errorf("%s: %v", what, err)
	}
}

func (r *rig) login(principal string) refresh.Token {
	r.Helper()
	t, err := r.Issue(r.ctx, refresh.Grant{Principal: principal, Tenant: "acme", Client: "app"})
	r.must(err)
	return t
}

func (r *rig) rotate(token string) refresh.Token {
	r.Helper()
	t, err := r.Rotate(r.ctx, token, refresh.Expect{})
	r.must(err)
	return t
}

// fails rotates what must not be rotated.
func (r *rig) fails(what, token string, wants ...error) {
	r.Helper()
	_, err := r.Rotate(r.ctx, token, refresh.Expect{})
	r.is(what, err, append(wants, refresh.ErrInvalidGrant)...)
}

// tells checks what the fleet was told since the last time.
func (r *rig) tells(what string, wants ...revocast.Revocation) {
	r.Helper()
	told := r.pub.take()
	if len(told) != len(wants) {
		r.Errorf("%s: the fleet was told %+v, want %d revocations", what, told, len(wants))
		return
	}
	for i, want := range wants {
		if want.CutOff.IsZero() {
			want.CutOff = told[i].CutOff
		}
		if told[i] != want {
			r.Errorf("%s: the fleet was told %+v, want %+v", what, told[i], want)
		}
	}
}

func theft(f refresh.Family) revocast.Revocation {
	return revocast.Revocation{
		Scope: revocast.ScopeSession, ID: f.Session, Issuer: issuer,
		Cause: revocast.Cause{Reason: "refresh-token-reuse", Initiator: "policy"},
	}
}

func logout(f refresh.Family) revocast.Revocation {
	return revocast.Revocation{
		Scope: revocast.ScopeSession, ID: f.Session, Issuer: issuer,
		Cause: revocast.Cause{Reason: "logout", Initiator: "user"},
	}
}

// loser is a client hook that loses the replies of some commands, after they were run.
type loser struct {
	left atomic.Int32 // replies still to be lost
}

func (l *loser) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *loser) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l *loser) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		// What was refused for want of the script has not been run.
		if err == nil && strings.HasPrefix(cmd.Name(), "eval") && l.left.Add(-1) >= 0 {
			cmd.SetErr(io.EOF)
			return io.EOF
		}
		return err
	}
}
