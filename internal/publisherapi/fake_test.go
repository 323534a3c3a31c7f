package publisherapi_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

func TestMain(m *testing.M) { leak.Main(m) }

// called is how a call should be carried out; strength zero means confirmed.
type called struct {
	strength revocast.Strength
	key      string
}

// fake is a publisher that expects certain calls. Any other call fails the test, and so does one
// without a deadline or with a dead context.
type fake struct {
	t *testing.T

	mu    sync.Mutex
	want  any // the argument that the one writing call has to have
	call  called
	calls int
	// anything lets every call through.
	anything bool
	last     revocast.CallOptions // of the last call
	within   time.Duration        // the most that the deadline may be away

	receipt revocast.Receipt
	err     error

	bans   []publisher.BannedKey // of the page "third"
	state  revocast.State
	status publisher.FleetStatus
	tip    revocast.Position
	log    []revocast.Event
	more   chan revocast.Event
	ending error // what Watch ends with once the log is through; nil: it goes on
}

func newFake(t *testing.T) *fake {
	return &fake{
		t: t, within: 5 * time.Second, receipt: receipt(42, revocast.Confirmed), more: make(chan revocast.Event),
	}
}

func receipt(rev uint64, s revocast.Strength) revocast.Receipt {
	return revocast.Receipt{
		Position: revocast.Position{Epoch: 1, Rev: rev}, Strength: s, At: time.UnixMilli(1_893_553_445_678),
		Workers: revocast.Tally{Live: 3, Confirmed: 3}, Took: 1420 * time.Microsecond,
	}
}

func (f *fake) bounded(ctx context.Context) {
	f.t.Helper()
	end, ok := ctx.Deadline()
	if ctx.Err() != nil {
		f.t.Errorf("called with a context that has ended: %v", ctx.Err())
	}
	if left := time.Until(end); !ok || left <= 0 || left > f.within {
		f.t.Errorf("the context ends in %v (%v), want at most %v", left, ok, f.within)
	}
}

func (f *fake) write(ctx context.Context, got any, opts ...revocast.CallOption) (revocast.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.bounded(ctx)
	if !f.anything && !reflect.DeepEqual(got, f.want) {
		f.t.Errorf("called with %#v, want %#v", got, f.want)
	}
	c, err := revocast.NewCallOptions(opts...)
	f.last = c
	c.Caller = ""
	if want := (revocast.CallOptions{
		Strength: cmp.Or(f.call.strength, revocast.Confirmed), IdempotencyKey: f.call.key,
	}); !f.anything && (err != nil || c != want) {
		f.t.Errorf("called with %+v (%v), want %+v", c, err, want)
	}
	if f.err != nil && !errors.Is(f.err, revocast.ErrPending) {
		return revocast.Receipt{}, f.err
	}
	return f.receipt, f.err
}

// read is write for a call that takes no options.
func (f *fake) read(ctx context.Context, got any) (revocast.Receipt, error) {
	return f.write(ctx, got, revocast.WithStrength(cmp.Or(f.call.strength, revocast.Confirmed)),
		revocast.WithIdempotencyKey(f.call.key))
}

func (f *fake) Realm() string { return "r" }

func (f *fake) Terms(context.Context) (port.Terms, error) { return port.DefaultTerms(), nil }

func (f *fake) Preview(_ context.Context, list []revocast.Revocation) (publisher.Preview, error) {
	p := publisher.Preview{Revocations: len(list), Workers: 3, Accepting: 2, Warnings: []string{"look twice"}}
	for _, r := range list {
		if r.Scope.Wide() {
			p.Wide++
		}
	}
	return p, f.err
}

func (f *fake) Bans(_ context.Context, cursor string) (publisher.BanPage, error) {
	if cursor == "third" {
		return publisher.BanPage{Bans: f.bans}, f.err
	}
	if cursor == "second" {
		return publisher.BanPage{}, f.err
	}
	return publisher.BanPage{Next: "second", Bans: []publisher.BannedKey{{
		NamedKey: publisher.NamedKey{Key: revocast.Key{1}, Err: revocast.ErrNotFound},
		Ban:      revocast.BanState{Until: 1_893_553_445_678, At: revocast.Position{Epoch: 1, Rev: 9}},
	}}}, f.err
}

func (f *fake) Who(_ context.Context, keys []revocast.Key) ([]publisher.NamedKey, error) {
	found := publisher.NamedKey{Key: keys[0], Name: names.Name{
		Scope: revocast.ScopePrincipal, Issuer: "i", ID: "alice", Caller: "ops",
	}}
	if keys[0] != (revocast.Key{1}) {
		found = publisher.NamedKey{Key: keys[0], Err: fmt.Errorf("%w: not sealed", revocast.ErrNotFound)}
	}
	return []publisher.NamedKey{found}, f.err
}

func (f *fake) KeyFor(context.Context, revocast.Scope, string, string) (revocast.Key, error) {
	return revocast.Key{}, nil
}

func (f *fake) Revoke(
	ctx context.Context, r revocast.Revocation, opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return f.write(ctx, r, opts...)
}

func (f *fake) RevokeBatch(
	ctx context.Context, list []revocast.Revocation, opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	first, err := f.write(ctx, list, opts...)
	if first.Position.IsZero() {
		return nil, err
	}
	out := make([]revocast.Receipt, len(list))
	for i := range out {
		out[i] = first
		out[i].Position.Rev += uint64(i)
	}
	return out, err
}

func (f *fake) Logout(
	ctx context.Context, claims *revocast.Claims, opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return f.write(ctx, claims, opts...)
}

func (f *fake) PasswordChanged(
	ctx context.Context, p revocast.PasswordChange, opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return f.write(ctx, p, opts...)
}

func (f *fake) Ban(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	return f.write(ctx, b, opts...)
}

// lifted tells an Unban from a Ban.
type lifted revocast.Ban

func (f *fake) Unban(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	return f.write(ctx, lifted(b), opts...)
}

func (f *fake) Invalidate(
	ctx context.Context, i revocast.Invalidation, opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return f.write(ctx, i, opts...)
}

func (f *fake) Await(ctx context.Context, at revocast.Position) (revocast.Receipt, error) {
	return f.read(ctx, at)
}

// asked is what Standing was asked about.
type asked struct {
	scope      revocast.Scope
	issuer, id string
}

func (f *fake) Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error) {
	_, err := f.read(ctx, asked{scope, issuer, id})
	return f.state, err
}

func (f *fake) Fleet(ctx context.Context) (publisher.FleetStatus, error) {
	_, err := f.read(ctx, nil)
	return f.status, err
}

func (f *fake) Tip(ctx context.Context) (revocast.Position, error) {
	f.bounded(ctx)
	return f.tip, f.err
}

func (f *fake) Watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error {
	for _, e := range f.log {
		if after.Before(e.Position) {
			if err := on(e); err != nil {
				return err
			}
		}
	}
	if f.ending != nil {
		return f.ending
	}
	for {
		select {
		case e := <-f.more:
			if err := on(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// verifier knows two bearers.
type verifier struct{}

func (verifier) VerifyForLogout(_ context.Context, bearer string) (*revocast.Claims, error) {
	switch bearer {
	case "good":
		return &revocast.Claims{Issuer: "i", Session: "s"}, nil
	case "old", "older":
		age := 30*24*time.Hour + map[string]time.Duration{"old": 5 * time.Minute, "older": 7 * time.Minute}[bearer]
		return &revocast.Claims{Issuer: "i", Session: "s", IssuedAt: time.Now().Add(-age)}, nil
	case "wrong":
		return nil, fmt.Errorf("%w: kid k1", revocast.ErrSignature)
	case "keyless":
		return nil, fmt.Errorf("%w: no keys yet", revocast.ErrUnknown)
	}
	return nil, revocast.ErrMalformed
}

// demo is a demo issuer.
type demo struct{ err error }

func (d demo) Login(_ context.Context, principal string) (string, string, time.Duration, error) {
	return "token-of-" + principal, "sid", 15 * time.Minute, d.err
}

func (d demo) JWKS() ([]byte, error) { return []byte(`{"keys":[]}`), d.err }

// harness is a handler over a fake.
type harness struct {
	*fake
	handler *publisherapi.Handler
	log     *safeLog
}

const apiToken = "operators-secret"

func newHarness(t *testing.T, change ...func(*publisherapi.Deps, *publisherapi.Options)) *harness {
	t.Helper()
	tokens, err := apitoken.One(apiToken)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{fake: newFake(t), log: &safeLog{}}
	d := publisherapi.Deps{
		Publisher: h.fake, Ready: func() error { return nil }, Verifier: verifier{}, Demo: demo{},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics here") }),
	}
	o := publisherapi.Options{
		Tokens: tokens, Refusals: 1e6,
		Logger: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&d, &o)
	}
	h.handler = publisherapi.New(d, o)
	return h
}

// safeLog is a log that requests may write at the same time.
type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// do sends a request with the API token; header pairs override.
func (h *harness) do(method, target, body string, header ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+apiToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// ownKey is an Idempotency-Key as the publisher gets it for a group of callers.
func ownKey(space, key string) string {
	sum := sha256.Sum256([]byte(space + "\x00" + key))
	return hex.EncodeToString(sum[:])
}
