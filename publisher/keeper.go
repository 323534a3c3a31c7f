package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Pace of looking after the ledger.
const (
	keepEvery   = 250 * time.Millisecond // while it is open
	recoverPace = 100 * time.Millisecond // while it is not

	pruneEvery = time.Second

	reportEveryText = 10 * time.Second // logging why it does not serve
)

// keeper looks after the ledger's state: it recovers one that was restarted, promoted or emptied,
// settles a new epoch, and fences one whose realm another server carries on. Every publisher has
// a keeper; several keepers may do the same step at the same time.
type keeper struct {
	*base
	ledger  keeperLedger
	bus     recordBus
	reader  *reader
	names   *namer
	streams *streams
	status  *status
	writers writers
	keeperOptions

	recoveries atomic.Uint64

	// What the keeper remembers. Only its goroutine touches these fields.
	epoch     revocast.Position // seen open and unsettled: epoch and [port.Description.Settling]
	since     time.Duration     // since when
	won       uint64            // the latest epoch that this keeper has claimed
	watched   revocast.Position // of a ledger that somebody else recovers
	watchedAt time.Duration     // since when it stands there
	restored  int               // events that recoveries brought
	pruned    time.Duration     // when it was last looked at what classes have written; zero: never
	served    uint64            // the latest epoch in which this keeper saw the ledger open and in charge
	latest    port.EpochRecord  // as it was last read or written, of the latest epoch that was seen
	unread    nagging           // that the record cannot be read
	lost      nagging           // that it is lost
	buried    nagging           // that something else was written after it
	lastText  string            // of the latest error that was logged
	logged    time.Duration     // when
}

// keeperLedger is what the keeper needs of the ledger: everything that recovers and settles it.
type keeperLedger interface {
	port.RecoveryLedger
	Settle(ctx context.Context, epoch, settling uint64) error
	Admit(ctx context.Context, classes []string) error
	Prune(ctx context.Context) ([]string, error)
}

// writers are the parts that commit and confirm, as the keeper sees them. The keeper tells them
// what it has seen. Their requests to the keeper go through [status].
type writers interface {
	// observe takes in a description of an open ledger that was asked for at sent, when the
	// machine's clock showed wall.
	observe(ctx context.Context, d port.Description, sent time.Duration, wall time.Time)
	// charge says that the epoch's record, asked for at sent, named no later epoch, so this
	// ledger was still in charge.
	charge(epoch uint64, sent time.Duration)
	// recovered says that the keeper has opened the ledger again.
	recovered()
	// impaired is why commits may not be confirmed, or may have a wrong cut-off, although the
	// ledger serves; nil: nothing is wrong.
	impaired() error
}

type keeperOptions struct {
	classes      []string // see [Options.Classes]
	recoverEmpty bool     // see [Options.RecoverEmpty]
	acceptLoss   bool     // see [RepairOptions.AcceptLoss]
	// supersede: a record that cannot be read counts as lost also where the ledger does not serve.
	supersede bool
}

func newKeeper(t tools, ledger keeperLedger, s *status, w writers, o keeperOptions) *keeper {
	return &keeper{
		base: t.base, ledger: ledger, bus: t.streams.bus, reader: t.reader, names: t.names, streams: t.streams,
		status: s, writers: w, keeperOptions: o,
	}
}

func (k *keeper) run(ctx context.Context) error {
	for ctx.Err() == nil {
		pause := keepEvery
		err := k.look(ctx)
		if err == nil {
			err = k.named()
		}
		if err != nil {
			pause = recoverPace
		}
		k.report(err)
		k.sleep(ctx, pause, k.status.recheck)
	}
	return nil
}

// named fails if this publisher cannot make the keys that an open ledger holds. To keep the ledger it need
// not: only to serve.
func (k *keeper) named() error {
	terms := k.reader.terms.Load()
	if terms == nil {
		return nil
	}
	_, err := k.names.maker(terms)
	return err
}

// report makes the outcome of a look the publisher's readiness: the ledger serves, and
// the stream can hold what is committed.
func (k *keeper) report(err error) {
	k.status.setServing(err)
	// If clocks or the stream are at fault, the publisher still serves, and receipts say so.
	k.status.setReady(cmp.Or(err, k.writers.impaired()))
	text := ""
	if err != nil {
		text = err.Error()
	}
	// The error text of a server that is away changes from look to look.
	now, flips := k.clock.Monotonic(), (text == "") != (k.lastText == "")
	if flips || text != k.lastText && now-k.logged >= reportEveryText {
		k.lastText, k.logged = text, now
		if err != nil {
			k.log.Warn("the ledger does not serve", "error", err)
		} else {
			k.log.Info("the ledger serves")
		}
	}
}

// look takes the one step that the ledger's state calls for; nil: it is open.
func (k *keeper) look(ctx context.Context) error {
	sent, wall := k.clock.Monotonic(), k.clock.Now()
	d, err := k.reader.describe(ctx)
	if err != nil {
		return err
	}
	switch d.State {
	case port.LedgerOpen:
		k.reader.terms.Store(&d.Terms)
		k.writers.observe(ctx, d, sent, wall)
		k.admit(ctx, d)
		k.prune(ctx)
		return k.compare(ctx, d)
	case port.LedgerUninitialised:
		return k.begin(ctx)
	case port.LedgerRecovering:
		return k.recover(ctx, d)
	}
	if record, err := k.record(ctx); err == nil && k.mayReopen(d, record) {
		return k.reopen(ctx, d, record)
	}
	return fmt.Errorf("%w: another Redis carries on this realm; if this one is to carry on instead: "+
		"publisher repair --from redis", revocast.ErrFenced)
}

// admit lets in the classes that this publisher lets in. A ledger that was emptied has forgotten
// them.
func (k *keeper) admit(ctx context.Context, d port.Description) {
	for _, class := range k.classes {
		if slices.Contains(d.Classes, class) {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := k.ledger.Admit(ctx, k.classes); err != nil {
			k.log.Debug("classes of workers are not let in yet", "classes", k.classes, "error", err)
		}
		return
	}
}

// prune keeps a class of workers from filling the ledger's memory: without room nothing can be
// revoked.
func (k *keeper) prune(ctx context.Context) {
	if now := k.clock.Monotonic(); k.pruned == 0 || now-k.pruned >= pruneEvery {
		k.pruned = cmp.Or(now, 1)
	} else {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	classes, err := k.ledger.Prune(ctx)
	if err != nil {
		k.log.Debug("what classes of workers have written was not looked at", "error", err)
	}
	if len(classes) > 0 {
		k.say.Warn("pruned", "classes of workers had written so much that Redis could have run out of memory; "+
			"dropped: a program with the rights of the class does what no worker does", "classes", classes)
	}
}

// settle waits on this publisher's own clock until no lease of an earlier epoch can be left, nor
// one of other terms. A Redis that was rolled back may have forgotten that its leases were made
// longer; the record has not. A publisher that starts later waits longer, never shorter.
func (k *keeper) settle(ctx context.Context, d port.Description, record port.EpochRecord) {
	if d.Settled {
		return
	}
	now := k.clock.Monotonic()
	if this := (revocast.Position{Epoch: d.Position.Epoch, Rev: d.Settling}); k.epoch != this {
		k.epoch, k.since = this, now
	}
	left := k.since + max(d.Terms.SettleWait(), record.Terms.SettleWait(), d.SettleFor) - now
	if left > 0 {
		if left < keepEvery && k.sleep(ctx, left, nil) {
			k.settle(ctx, d, record)
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := k.ledger.Settle(ctx, d.Position.Epoch, d.Settling); err != nil {
		k.log.Debug("epoch not settled yet", "epoch", d.Position.Epoch, "error", err)
	}
}

// compare fences an open ledger when JetStream says that another server has taken over the realm.
// It writes the record again if JetStream has lost it. A bus that does not answer proves nothing
// and changes nothing. Nothing is confirmed without the bus either, so settling can wait.
func (k *keeper) compare(ctx context.Context, d port.Description) error {
	sent := k.clock.Monotonic()
	record, err := k.record(ctx)
	unread := errors.Is(err, revocast.ErrUnsuited)
	k.unread.say(k.clock.Monotonic(), err, func() {
		if unread {
			k.log.Error("the epoch's record cannot be read; nothing is confirmed", "error", err)
		}
	}, nil)
	lost := errors.Is(err, revocast.ErrNotFound) || replaceable(record, err)
	if err != nil && !lost {
		return nil
	}
	if !lost && (record.Epoch > d.Position.Epoch || record.Epoch == d.Position.Epoch && record.Server != d.OpenedBy) {
		return k.fence(ctx, d, record)
	}
	if lost || record.Epoch < k.latest.Epoch { // what it said of leases was not taken back
		record.Terms = longer(record.Terms, k.latest.Terms)
	}
	k.served = max(k.served, d.Position.Epoch)
	if !unread {
		k.writers.charge(d.Position.Epoch, sent)
	}
	k.settle(ctx, d, record)
	return k.rewrite(ctx, d, record, lost)
}

func (k *keeper) record(ctx context.Context) (port.EpochRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := k.bus.Epoch(ctx)
	if err == nil && r.Epoch >= k.latest.Epoch {
		k.latest = r
	}
	if k.supersede && replaceable(r, err) {
		err = fmt.Errorf("%w: %w", revocast.ErrNotFound, err)
	}
	return r, err
}

// replaceable reports whether what stands in the place of the epoch's record is none, and may be
// replaced.
func replaceable(found port.EpochRecord, err error) bool {
	return errors.Is(err, revocast.ErrUnsuited) && found.Sequence > 0
}

// rewrite writes the epoch's record again when JetStream has lost it, or came back with an older
// one: from a backup, or from a disk that did not have the latest writes. The same server still
// carries on the realm. The ledger is open, so it won its epoch once, and only a later epoch
// takes that away; a record of an earlier epoch, of shorter leases or none says nothing about
// that. If another server carries on in a later epoch whose record was lost as well, its
// publishers write that record over this one, and the ledger here is fenced.
func (k *keeper) rewrite(ctx context.Context, d port.Description, found port.EpochRecord, lost bool) error {
	next, mine := own(d, found, lost)
	if !mine {
		return nil
	}
	if known := k.latest; known.Epoch == next.Epoch && known.Server == next.Server &&
		(lost || found.Epoch < next.Epoch) {
		next.After = known.After
		if known.Stream == next.Stream {
			next.Base, next.Kept = known.Base, known.Kept
		}
	}
	next.Buried = 0
	k.bury(found)
	if next == found {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if lost || found.Epoch < d.Opened {
		k.lost.say(k.clock.Monotonic(), revocast.ErrNotFound, func() {
			k.log.Error("JetStream has lost the epoch's record; writing it again", "epoch", next.Epoch, "found_epoch",
				found.Epoch)
		}, nil)
	}
	if lost && found.Sequence == 0 {
		if err := k.streams.prepare(ctx, d.Terms); err != nil {
			k.log.Debug("the epoch's record is not written yet", "error", err)
			return nil // tried again; the ledger serves all the same
		}
	}
	if err := k.streams.writeRecord(ctx, found, next); err != nil {
		k.log.Debug("the epoch's record is not written yet", "error", err)
	}
	return nil
}

// bury logs what has been written after the epoch's record.
func (k *keeper) bury(found port.EpochRecord) {
	var err error
	if found.Buried > 0 {
		err = revocast.ErrConflict
	}
	k.buried.say(k.clock.Monotonic(), err, func() {
		k.log.Warn("messages that are no records stand after the epoch's record; writing it again", "messages",
			found.Buried)
	}, nil)
}

func (k *keeper) fence(ctx context.Context, d port.Description, record port.EpochRecord) error {
	k.log.Error("another server carries on this realm's history; fencing this one",
		"epoch", d.Position.Epoch, "server", d.Server, "other_epoch", record.Epoch, "other_server", record.Server)
	if err := k.ledger.Fence(ctx, d.Position.Epoch); err != nil {
		return err
	}
	return revocast.ErrFenced
}

// begin puts a ledger that holds nothing into recovery, if JetStream knows the realm.
// It never makes a new one: an empty Redis must not look like "nobody is revoked".
func (k *keeper) begin(ctx context.Context) error {
	record, err := k.record(ctx)
	if errors.Is(err, revocast.ErrNotFound) && !replaceable(record, err) {
		return fmt.Errorf("%w, and JetStream does not know the realm either: run `publisher init`",
			revocast.ErrUninitialised)
	}
	if err != nil {
		return fmt.Errorf("%w; JetStream, which may know the realm, does not say: %w", revocast.ErrUninitialised,
			err)
	}
	if err := k.mayTakeOver(ctx, record); err != nil {
		return err
	}
	// An older record may have come back: the epochs that this process has seen are used up.
	record.Epoch = max(record.Epoch, k.served, k.latest.Epoch)
	if terms := k.reader.terms.Load(); terms != nil && k.served > 0 {
		record.Terms = longer(record.Terms, *terms)
	}
	k.log.Warn("Redis holds nothing of this realm; recovering it from JetStream", "epoch", record.Epoch+1)
	if err := k.ledger.Begin(ctx, record.Epoch+1, record.Terms); err != nil && !errors.Is(err, revocast.ErrConflict) {
		return err
	}
	k.status.lookAgain()
	return revocast.ErrRecovering
}

// mayTakeOver refuses to fill a Redis that may simply be the wrong one. The right one would be
// fenced, and its fleet would be left without a ledger. A Redis that this process saw serving, or
// that the epoch was opened under, was emptied.
func (k *keeper) mayTakeOver(ctx context.Context, record port.EpochRecord) error {
	d, err := k.reader.describe(ctx)
	switch {
	case err != nil:
		return err
	case k.served > 0 || k.recoverEmpty || d.Server == record.Server:
		return nil
	}
	return fmt.Errorf("%w: this Redis (replication id %.12s…) holds nothing of the realm, and JetStream says that it "+
		"is at epoch %d on another (%.12s…): check the URL; if this Redis is right and has lost its data: "+
		"publisher repair --from jetstream",
		revocast.ErrUninitialised, d.Server, record.Epoch, record.Server)
}
