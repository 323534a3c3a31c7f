package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

const (
	defaultLimit = 1000 // log entries in one reply, where the caller names no limit
	snapshotPage = 1000 // keys that one step of a snapshot looks at
	maxVersion   = 128  // bytes of a member's version that are kept
)

// Describe implements [port.Ledger].
func (l *Ledger) Describe(ctx context.Context) (port.Description, error) {
	run := l.run
	if l.opts.Class != "" {
		run = l.runForWorker
	}
	reply, err := run(ctx, l.main, describeScript)
	if err != nil {
		return port.Description{}, err
	}
	d, err := l.readDescription(read(reply))
	if err == nil && l.opts.Class == "" {
		l.loadForWorkers(ctx, d.Server)
	}
	return d, err
}

// loadEvery is how often it is looked whether a server still knows the workers' scripts.
const loadEvery = 10 * time.Second

// loadForWorkers makes the server know the workers' scripts. Users of workers may run those alone,
// by their hashes. A restarted or promoted server knows none. What fails is tried again with the next
// look, and shows at the workers: they say what they lack.
func (l *Ledger) loadForWorkers(ctx context.Context, server string) {
	last := l.loaded.Load()
	if last != nil && last.server == server && time.Since(last.at) < loadEvery {
		return
	}
	l.loaded.Store(&loading{server, time.Now()})
	err := script.Load(ctx, l.main, renewScript, checkScript, sightScript, snapshotScript, leaveScript, describeScript)
	if err != nil {
		l.loaded.Store(nil)
	}
}

func (l *Ledger) readDescription(r reader) (port.Description, error) {
	d := port.Description{Server: r.Text(), Now: r.Int()}
	if !r.More() {
		return d, finish(describeScript, r.Err)
	}
	d.State = parseState(r.Text())
	d.Position = r.position()
	d.Settled = r.Flag()
	d.Terms = l.readTerms(r)
	d.Durable = r.position()
	d.Trimmed = r.position()
	d.Claims = strings.Fields(r.Text())
	d.Record = r.Uint()
	d.Opened, d.OpenedBy = r.Uint(), r.Text()
	d.Mark = port.StreamMark{Point: r.point(), Complete: r.position()}
	d.Marked = r.Int()
	witness := r.Text()
	d.Settling, d.SettleFor = r.Uint(), time.Duration(r.Int())
	d.Mark.From = r.Uint()
	d.Born, d.Gone = r.Uint(), r.Uint()
	d.Mark.Missing = r.Uint()
	d.Lead, d.Turn = r.Int(), r.Uint()
	d.Classes = strings.Fields(r.Text())
	d.Rekey = r.Flag()
	if r.Err != nil {
		return port.Description{}, finish(describeScript, r.Err)
	}
	var err error
	d.Witness, err = parseWitness(witness, d)
	return d, finish(describeScript, err)
}

func parseState(text string) port.LedgerState {
	for _, s := range [...]port.LedgerState{port.LedgerOpen, port.LedgerRecovering} {
		if s.String() == text {
			return s
		}
	}
	return port.LedgerFenced // the state in which least is done with it
}

// Renew implements [port.Ledger]. Where r.Limit is not positive it is 1000.
func (l *Ledger) Renew(ctx context.Context, r port.Renewal) (port.Renewed, error) {
	if err := l.checkMember(r.Member); err != nil {
		return port.Renewed{}, err
	}
	limit := r.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	reply, err := l.runForWorker(ctx, l.main, renewScript, memberName(r.Member), r.Applied.Epoch, r.Applied.Rev, limit,
		clip(r.Version, maxVersion), max(0, r.Wall), writeReach(r.Reach))
	if err != nil {
		return port.Renewed{}, err
	}
	in := read(reply)
	out := port.Renewed{
		Position: in.position(), Terms: l.readTerms(in), Now: in.Int(), More: in.Flag(), Told: in.Flag(),
	}
	log := in.sub()
	if in.Err != nil {
		return port.Renewed{}, finish(renewScript, in.Err)
	}
	out.Events, err = log.entries()
	return out, finish(renewScript, err)
}

// Check implements [port.Ledger].
func (l *Ledger) Check(ctx context.Context, keys []revocast.Key) (port.Checked, error) {
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = k.String()
	}
	reply, err := l.runForWorker(ctx, l.checks, checkScript, args...)
	if err != nil {
		return port.Checked{}, err
	}
	r := read(reply)
	out := port.Checked{
		Position: r.position(), Terms: l.readTerms(r), Now: r.Int(), States: make([]revocast.State, len(keys)),
	}
	for r.More() {
		i := r.Int() - 1
		fields := r.sub()
		if i < 0 || i >= int64(len(keys)) {
			return port.Checked{}, finish(checkScript, fmt.Errorf("%w: key %d of %d", errReply, i, len(keys)))
		}
		out.States[i] = fields.state()
		if fields.Err != nil {
			return port.Checked{}, finish(checkScript, fields.Err)
		}
	}
	return out, finish(checkScript, r.Err)
}

// Sight implements [port.Ledger].
func (l *Ledger) Sight(ctx context.Context, s port.Sighting) (port.Sighted, error) {
	if s.Issuer.IsZero() || !inRange(s.Issued) || max(s.Known, -s.Known) > port.MaxSkew.Milliseconds() {
		return port.Sighted{}, fmt.Errorf("%w: sighting %+v", revocast.ErrInvalid, s)
	}
	reply, err := l.runForWorker(ctx, l.checks, sightScript, s.Issuer.String(), s.Issued, s.Known, s.Names)
	if err != nil {
		return port.Sighted{}, err
	}
	r := read(reply)
	out := port.Sighted{Now: r.Int(), Beyond: r.Flag()}
	out.Lead, _ = r.Signed()
	out.Sure, out.Last = r.Flag(), r.Int()
	return out, finish(sightScript, r.Err)
}

// Snapshot implements [port.Ledger]. A page may be empty without being the last.
func (l *Ledger) Snapshot(ctx context.Context, cursor string) (port.StatePage, error) {
	cursor, err := scanCursor(cursor)
	if err != nil {
		return port.StatePage{}, err
	}
	reply, err := l.runForWorker(ctx, l.checks, snapshotScript, cursor, snapshotPage, digit(l.opts.Class == ""))
	if err != nil {
		return port.StatePage{}, err
	}
	r := read(reply)
	page := port.StatePage{Next: r.nextCursor()}
	for r.More() {
		k := port.KeyedState{Key: r.key()}
		fields := r.sub()
		k.State = fields.state()
		k.Scope = revocast.Scope(fields.Uint())
		k.Changed = fields.Int()
		k.Born = fields.Uint()
		k.Names, k.Sealed = uint8(fields.Uint()), fields.Text()
		if fields.Err != nil {
			return port.StatePage{}, finish(snapshotScript, fields.Err)
		}
		page.States = append(page.States, k)
	}
	return page, finish(snapshotScript, r.Err)
}

// Leave implements [port.Ledger].
func (l *Ledger) Leave(ctx context.Context, m port.MemberID) error {
	if err := l.checkMember(m); err != nil {
		return err
	}
	_, err := l.runForWorker(ctx, l.main, leaveScript, memberName(m))
	return err
}

// memberName is a member's name within its class.
func memberName(m port.MemberID) string { return m.Worker + "/" + m.Incarnation }

// checkMember refuses a member that this ledger's user may not speak for.
func (l *Ledger) checkMember(m port.MemberID) error {
	if m.Class != l.Class() {
		return fmt.Errorf("%w: member %.240q: this ledger is for workers of the class %s", revocast.ErrInvalid,
			m.String(), l.Class())
	}
	return checkMember(m)
}

func checkMember(m port.MemberID) error {
	if err := port.CheckClass(m.Class); err != nil {
		return err
	}
	if !memberPattern.MatchString(m.Worker) || !memberPattern.MatchString(m.Incarnation) {
		return fmt.Errorf("%w: member %.240q: worker and incarnation are 1 to 64 of A-Z a-z 0-9 _ . -",
			revocast.ErrInvalid, m.String())
	}
	return nil
}

// finish is the error of a step whose answer is unreadable: the ledger is there, but this version
// did not write what it holds.
func finish(s *script.Script, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: redis: %s: %w", revocast.ErrUnsuited, s.Name, err)
}
