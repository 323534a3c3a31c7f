package publisher

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// stores makes a test's writes to a fake visible to a part's goroutine that reads them later.
var stores sync.Mutex

// touch is called first by [pass], and by each answer that a test may have changed.
func touch() {
	stores.Lock()
	defer stores.Unlock()
}

// notes are the calls that change something, as a fake was told.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

// taken returns the calls since the last time.
func (n *notes) taken() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.list
	n.list = nil
	return list
}

func (n *notes) want(t *testing.T, want ...string) {
	t.Helper()
	if got := n.taken(); !slices.Equal(got, want) {
		t.Errorf("calls:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// ledgerFake answers what a test puts into it. It does nothing by itself. A method that no
// part under test calls is that of the nil interface.
type ledgerFake struct {
	port.Ledger
	notes
	d         port.Description
	err       error            // of each call that is noted
	log       []revocast.Event // whatever is asked for
	logErr    error
	members   []port.Member
	gen       string
	states    []port.KeyedState
	checked   map[revocast.Key]revocast.State
	elsewhere map[string]bool // tasks that somebody else has the turn for
	verified  port.Verified
	commit    func([]revocast.Event) (port.Commit, error)
	restored  int
}

func (l *ledgerFake) Realm() string { return "test" }

func (l *ledgerFake) Describe(context.Context) (port.Description, error) {
	touch()
	d := l.d
	d.Now = time.Now().UnixMilli()
	return d, nil
}

func (l *ledgerFake) Log(_ context.Context, after revocast.Position, limit int) ([]revocast.Event, error) {
	touch()
	var page []revocast.Event
	for _, e := range l.log {
		if after.Before(e.Position) && len(page) < limit {
			page = append(page, e)
		}
	}
	return page, l.logErr
}

func (l *ledgerFake) Prune(context.Context) ([]string, error) {
	touch()
	return nil, nil
}

func (l *ledgerFake) Admit(_ context.Context, classes []string) error {
	touch()
	l.note("admit %q", classes)
	return l.err
}

func (l *ledgerFake) Members(context.Context) (port.Membership, error) {
	touch()
	return port.Membership{Generation: l.gen, Members: slices.Clone(l.members), Position: l.d.Position}, nil
}

func (l *ledgerFake) Snapshot(context.Context, string) (port.StatePage, error) {
	touch()
	return port.StatePage{States: l.states}, nil
}

func (l *ledgerFake) Check(_ context.Context, keys []revocast.Key) (port.Checked, error) {
	touch()
	states := make([]revocast.State, len(keys))
	for i, k := range keys {
		states[i] = l.checked[k]
	}
	return port.Checked{States: states}, nil
}

func (l *ledgerFake) Turn(_ context.Context, task, _ string, _ time.Duration) (bool, error) {
	touch()
	return !l.elsewhere[task], nil
}

func (l *ledgerFake) Verify(_ context.Context, epoch uint64) (port.Verified, error) {
	touch()
	l.note("verify %d", epoch)
	return l.verified, l.err
}

func (l *ledgerFake) Commit(_ context.Context, key string, proposals []revocast.Event) (port.Commit, error) {
	touch()
	l.note("commit %d", len(proposals))
	if l.commit != nil {
		return l.commit(proposals)
	}
	return port.Commit{}, l.err
}

func (l *ledgerFake) Acked(_ context.Context, epoch uint64, revs []uint64) (revocast.Position, error) {
	touch()
	l.note("acked %d: %d", epoch, revs)
	return l.d.Durable, l.err
}

func (l *ledgerFake) Strike(_ context.Context, m port.Member) (bool, error) {
	touch()
	l.note("strike %s", m.ID)
	return l.err == nil, l.err
}

func (l *ledgerFake) TurnLeads(_ context.Context, over uint64) (uint64, error) {
	touch()
	l.note("turn leads %d", over)
	return over + 1, l.err
}

func (l *ledgerFake) Mark(_ context.Context, _ port.StreamPoint, m port.StreamMark) error {
	touch()
	l.note("mark %d from %d complete %s", m.Point.Sequence, m.From, m.Complete)
	return l.err
}

func (l *ledgerFake) Forget(_ context.Context, _ int64, keys []revocast.Key) (int, error) {
	touch()
	l.note("forget %d", len(keys))
	return len(keys), l.err
}

func (l *ledgerFake) Sealed(_ context.Context, keys []revocast.Key) ([]string, error) {
	return make([]string, len(keys)), l.err
}

func (l *ledgerFake) MoveNames(_ context.Context, epoch uint64, names port.Naming) error {
	touch()
	l.note("move names %d: %d", epoch, names.Secrets)
	return l.err
}

func (l *ledgerFake) OldNames(context.Context, string) (port.StatePage, error) {
	return port.StatePage{}, l.err
}

func (l *ledgerFake) Rekey(_ context.Context, epoch uint64, states []port.Rekeyed) error {
	touch()
	l.note("rekey %d: %d", epoch, len(states))
	return l.err
}

func (l *ledgerFake) Recount(_ context.Context, epoch, was, gone uint64) error {
	touch()
	l.note("recount %d: %d to %d", epoch, was, gone)
	return l.err
}

func (l *ledgerFake) Settle(_ context.Context, epoch, settling uint64) error {
	touch()
	l.note("settle %d %d", epoch, settling)
	return l.err
}

func (l *ledgerFake) Begin(_ context.Context, epoch uint64, _ port.Terms) error {
	touch()
	l.note("begin %d", epoch)
	return l.err
}

func (l *ledgerFake) Restore(_ context.Context, epoch uint64, events []revocast.Event) (int, error) {
	touch()
	l.note("restore %d: %d", epoch, len(events))
	return l.restored, l.err
}

func (l *ledgerFake) Open(_ context.Context, o port.Opening) error {
	touch()
	l.note("open %d at %d", o.Epoch, o.Stream.Sequence)
	return l.err
}

func (l *ledgerFake) Reopen(_ context.Context, epoch uint64, after string) error {
	touch()
	l.note("reopen %d after %s", epoch, after)
	return l.err
}

func (l *ledgerFake) Fence(_ context.Context, epoch uint64) error {
	touch()
	l.note("fence %d", epoch)
	return l.err
}

// busFake is a bus of the same kind.
type busFake struct {
	port.Bus
	notes
	info      port.StreamInfo
	infoErr   error
	record    port.EpochRecord
	recordErr error
	claimErr  error
	events    []revocast.Event // of every replay
	replayed  port.Replayed
	replayErr func(after port.StreamPoint) error
	mended    port.Mended
	mendErr   error
	answer    func(revocast.Event) error // of the stream to an event; nil: it takes it
	saved     []port.KeyedState
	saveErr   error
}

func (b *busFake) Realm() string { return "test" }

func (b *busFake) Stream(context.Context) (port.StreamInfo, error) {
	touch()
	err := b.infoErr
	if b.infoErr != nil {
		b.infoErr = nil // which Prepare mends
	}
	return b.info, err
}

func (b *busFake) Prepare(context.Context, port.StreamOptions) error {
	touch()
	b.note("prepare")
	return nil
}

func (b *busFake) Mend(context.Context, port.StreamOptions) (port.Mended, error) {
	touch()
	return b.mended, b.mendErr
}

func (b *busFake) Epoch(context.Context) (port.EpochRecord, error) {
	touch()
	return b.record, b.recordErr
}

func (b *busFake) ClaimEpoch(_ context.Context, after uint64, next port.EpochRecord) (port.EpochRecord, error) {
	touch()
	b.note("claim %d of %s after %d", next.Epoch, next.Server, after)
	if b.claimErr == nil {
		b.record, b.recordErr = next, nil
		b.record.Sequence = after + 1
	}
	return b.record, b.claimErr
}

func (b *busFake) Replay(_ context.Context, after port.StreamPoint,
	on func(revocast.Event) error,
) (port.Replayed, error) {
	touch()
	b.note("replay after %d", after.Sequence)
	if b.replayErr != nil {
		if err := b.replayErr(after); err != nil {
			return port.Replayed{}, err
		}
	}
	for _, e := range b.events {
		if err := on(e); err != nil {
			return port.Replayed{}, err
		}
	}
	return b.replayed, nil
}

func (b *busFake) Publish(e revocast.Event, done func(error)) {
	touch()
	b.note("publish %s", e.Position)
	b.reply(e, done)
}

func (b *busFake) Refill(e revocast.Event, done func(error)) {
	touch()
	b.note("refill %s", e.Position)
	if b.answer == nil {
		b.events = append(b.events, e)
	}
	b.reply(e, done)
}

func (b *busFake) reply(e revocast.Event, done func(error)) {
	touch()
	var err error
	if b.answer != nil {
		err = b.answer(e)
	}
	done(err)
}

func (b *busFake) SaveSnapshot(_ context.Context, at revocast.Position, states iter.Seq2[port.KeyedState,
	error],
) error {
	touch()
	b.note("snapshot %s", at)
	for k, err := range states {
		if err != nil {
			return err
		}
		b.saved = append(b.saved, k)
	}
	return b.saveErr
}

// sinceClock counts from an hour before it was made, so that it may be made in a bubble of
// testing/synctest, whose time is long before this process began.
type sinceClock struct {
	port.Clock
	origin time.Time
}

func (c sinceClock) Monotonic() time.Duration { return time.Since(c.origin) }

// partTools are the tools that a part is tested with. The log goes to out.
func partTools(l *ledgerFake, b *busFake, out io.Writer) tools {
	o := Options{
		Logger: slog.New(slog.NewTextHandler(out, nil)), Random: func() uint64 { return 0 },
		Clock: sinceClock{port.SystemClock(), time.Now().Add(-time.Hour)},
	}
	if err := o.complete(); err != nil {
		panic(err)
	}
	return newTools(l, b, o)
}

// openLedger is a ledger that is open in an epoch, with nothing in it.
func openLedger(epoch uint64) *ledgerFake {
	terms := port.DefaultTerms()
	return &ledgerFake{d: port.Description{
		State: port.LedgerOpen, Position: revocast.Position{Epoch: epoch}, Durable: revocast.Position{Epoch: epoch},
		Settled: true,
		Terms:   terms, Server: "a", Opened: epoch, OpenedBy: "a",
		Mark: port.StreamMark{Point: port.StreamPoint{Created: 7}, Complete: revocast.Position{Epoch: epoch}},
	}}
}

func pos(epoch, rev uint64) revocast.Position { return revocast.Position{Epoch: epoch, Rev: rev} }

func revoked(epoch, rev uint64) revocast.Event {
	return revocast.Event{
		Kind: revocast.KindRevoked, Position: pos(epoch, rev), Scope: revocast.ScopePrincipal,
		Key:    revocast.KeyOf("test", revocast.ScopePrincipal, "i", fmt.Sprint(epoch, rev)),
		CutOff: 1, Until: time.Now().Add(time.Hour).UnixMilli(),
	}
}

// pass lets a bubble's time pass, until everybody in it waits again.
func pass(d time.Duration) {
	touch()
	<-time.After(d)
	synctest.Wait()
}

// running runs a part until the test's end is reached.
func running(t *testing.T, part func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := part(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}
