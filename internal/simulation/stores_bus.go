package simulation

import (
	"context"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// whole reports whether each store holds all that the other does, so that either may lose
// something, and whether the epoch's record says so. An audit writes a lost record again.
func (w *world) whole() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	ledger := w.ledger.Link("onlooker")
	d, err := ledger.Describe(ctx)
	if err != nil || d.State != port.LedgerOpen || !w.alike(ctx, ledger) {
		return false
	}
	// A stream that lost nothing but what stands no more is not whole either, before an audit
	// has looked at it.
	if lost := time.Duration(w.busLost.Load()); lost != 0 &&
		time.Duration(d.Now-d.Marked)*time.Millisecond >= w.now()-lost {
		return false
	}
	bus := w.bus.Link("onlooker")
	record, err := bus.Epoch(ctx)
	if err != nil && !w.mutant.NoRewrite {
		return false
	}
	stream, err := bus.Stream(ctx)
	if err != nil || d.Mark.Point.Created != stream.Created {
		return false
	}
	return w.mutant.NoRewrite || record.Epoch == d.Opened && record.Stream == stream.Created
}

// alike reports whether both stores come to the same, wherever it stands in them.
func (w *world) alike(ctx context.Context, ledger port.Ledger) bool {
	stream, held := w.stream(), w.held()
	made := held.names.Naming().Secrets
	same := func(a, b revocast.State) bool {
		a.At, a.Until, a.Ban.At = b.At, b.Until, b.Ban.At
		return a == b
	}
	for cursor := ""; ; {
		page, err := ledger.Snapshot(ctx, cursor)
		if err != nil || slices.ContainsFunc(page.States,
			func(k port.KeyedState) bool {
				return !same(stream.of(stream.names.Key(k.Key, k.Names)), full(k.State, k.Names))
			}) {
			return false
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return !slices.ContainsFunc(w.bus.Events(),
		func(e revocast.Event) bool {
			state := held.of(held.names.Key(e.Key, e.Names))
			return !same(stream.of(stream.names.Key(e.Key, e.Names)), full(state, made))
		})
}

// some are about half of the events, the same ones each time.
func (s Step) some(e revocast.Event) bool {
	return mix(uint64(s.How), e.Position.Epoch, e.Position.Rev)%2 == 0
}

func (w *world) truncate(s Step) { w.bus.Truncate(max(0, len(w.bus.Events())-1-s.What%3)) }

func (w *world) loseStream(s Step) {
	w.bus.LoseEvents()
	if s.How%3 == 0 {
		w.bus.LoseRecords()
	}
}

func (w *world) loseEpochs(Step) { w.bus.LoseRecords() }

func (w *world) loseEpoch(Step) { w.bus.LoseRecord() }

func (w *world) recreate(s Step) {
	if s.How%2 == 0 {
		w.bus.Recreate(nil)
		return
	}
	w.bus.Recreate(s.some)
}

func (w *world) overrun(Step) {
	w.bus.Overrun(1 << 20) // fewer may lie before whatever the ledger remembers of it
}

func (w *world) forget(s Step) { w.bus.Forget(s.some) }

func (w *world) fillStream(s Step) {
	w.bus.Fill(true)
	w.later(s.For, func() { w.bus.Fill(false) })
}

func (w *world) streamWall(s Step) { w.bus.Advance(jump(s)) }

func (w *world) olderEpochs(s Step) { w.bus.OlderRecords(1 + s.What%3) }

func (w *world) olderStore(s Step) {
	restore := w.bus.Backup()
	w.later(s.For, func() {
		if !w.s.costs(ofLedger) || w.whole() {
			restore()
			w.busLost.Store(int64(w.now()))
		}
	})
}

func (w *world) tearSnapshot(s Step) {
	if w.bus.TearSnapshot(); s.How%2 == 0 {
		w.bus.LoseSnapshot()
	}
}

// edit changes the configuration of the stream while everything runs. A seal cannot be
// taken off: an operator removes the stream.
func (w *world) edit(s Step) {
	edit := [...]fake.Edit{
		{PerKind: 1},
		{PerKind: 2},
		{Oldest: 1},
		{Oldest: 2},
		{MaxAge: 1},
		{MaxAge: 50},
		{Mute: true},
		{Elsewhere: true},
		{Sealed: true},
	}[s.How%9]
	w.bus.Edit(edit)
	if edit.Sealed {
		w.later(s.For, w.bus.LoseEvents)
	}
}

// hostile is a peer that is broken, foreign, or years behind.
func (w *world) hostile(s Step) {
	at := w.ledger.Position()
	ack := port.Ack{Member: port.MemberID{Class: "default", Worker: "stranger", Incarnation: "00"}, Applied: at}
	unrelated := revocast.Event{
		Kind: revocast.KindRevoked, Scope: revocast.ScopeSession,
		Key:    revocast.KeyOf(realm, revocast.ScopeSession, issuer, "stranger"),
		CutOff: revocast.Forever, Until: time.Now().Add(time.Hour).UnixMilli(), At: time.Now().UnixMilli(),
	}
	switch s.How % 8 {
	case 0:
		w.bus.Garble()
	case 1:
		w.bus.Stray()
	case 2: // of an epoch that nobody has heard of
		unrelated.Position = revocast.Position{Epoch: at.Epoch + 7, Rev: 1}
		w.bus.Inject(unrelated)
	case 3: // from before the realm
		unrelated.Position = revocast.Position{Epoch: 0, Rev: 5}
		w.bus.Inject(unrelated)
	case 4: // an old one once more
		w.mu.Lock()
		all := w.published[:len(w.published):len(w.published)]
		w.mu.Unlock()
		if len(all) > 0 {
			w.bus.Inject(all[s.What%len(all)])
		}
	case 5:
		w.bus.InjectAck(ack)
	case 6: // of somebody who has the name of a worker
		ack.Member.Worker, ack.Applied.Rev = w.names[0], at.Rev+100
		w.bus.InjectAck(ack)
	default:
		ack.Applied.Epoch += 3
		w.bus.InjectAck(ack)
	}
}
