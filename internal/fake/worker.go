package fake

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Describe implements [port.Ledger].
func (k *LedgerLink) Describe(ctx context.Context) (port.Description, error) {
	return do(ctx, k, OpDescribe, nil, revocast.ErrUnavailable, func(l *Ledger) (port.Description, error) {
		return l.describe(), nil
	})
}

func (l *Ledger) describe() port.Description {
	b := &l.books
	d := port.Description{Server: l.server, Now: l.now()}
	if b.epoch == 0 {
		return d
	}
	d.State, d.Position, d.Durable, d.Trimmed = b.state, b.position(), b.durable, b.trimmed
	if l.staleLocked() {
		d.State, d.Position = port.LedgerRecovering, revocast.Position{Epoch: b.epoch + 1}
	}
	d.Settled, d.Settling, d.SettleFor = b.settled && d.State == port.LedgerOpen, b.settling, b.settleFor
	d.Terms, d.Record = b.terms, b.record
	d.Claims = slices.Clone(b.claims)
	d.Opened, d.OpenedBy = b.opened, b.openedBy
	d.Lead, d.Turn = b.largestLead(), b.turn
	d.Classes = slices.Clone(b.classes)
	d.Mark, d.Marked, d.Witness = b.mark, b.marked, b.witness(d.Now)
	d.Rekey = b.rekey
	d.Born, d.Gone = b.born, b.gone
	return d
}

var memberName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (k *LedgerLink) checkMember(m port.MemberID) error {
	if m.Class == k.class && memberName.MatchString(m.Worker) && memberName.MatchString(m.Incarnation) {
		return nil
	}
	return fmt.Errorf("%w: fake: member %.200q", revocast.ErrInvalid, m)
}

// Renew implements [port.Ledger].
func (k *LedgerLink) Renew(ctx context.Context, r port.Renewal) (port.Renewed, error) {
	if err := k.checkMember(r.Member); err != nil {
		report(k.server().report, "%s: %v", k.name, err)
		return port.Renewed{}, err
	}
	if r.Limit <= 0 {
		report(k.server().report, "%s renews with a limit of %d", k.name, r.Limit)
		r.Limit = 1000
	}
	return do(ctx, k, OpRenew, r, revocast.ErrUnavailable, func(l *Ledger) (port.Renewed, error) { return l.renew(r) })
}

func (l *Ledger) renew(r port.Renewal) (port.Renewed, error) {
	b := &l.books
	if err := b.serves(); err != nil {
		return port.Renewed{}, err
	}
	switch {
	case !slices.Contains(b.classes, r.Member.Class):
		return port.Renewed{}, errClass(r.Member.Class)
	case b.position().Before(r.Applied):
		return port.Renewed{}, fmt.Errorf("%w: fake: at %s, applied %s", revocast.ErrEpoch, b.position(), r.Applied)
	case r.Applied.Before(b.trimmed):
		return port.Renewed{}, fmt.Errorf("%w: fake: the log starts after %s", revocast.ErrTrimmed, b.trimmed)
	}
	m, known := b.members.get(r.Member)
	if !known {
		m.Renewals = b.turnOver(r.Member.Class) << 20 // never a value that the member had before
	}
	m.ID, m.Applied, m.Version, m.Seen = r.Member, r.Applied, r.Version, l.now()
	m.Renewals++
	m.Ahead, m.Told = 0, r.Wall != 0
	if m.Told {
		m.Ahead = r.Wall - l.now()
	}
	if r.Reach != nil {
		m.Reach = r.Reach
	}
	b.members.put(&b.history, r.Member, m)
	l.renewed[r.Member] = l.clock.Monotonic()
	out := port.Renewed{Position: b.position(), Terms: b.terms, Now: l.now(), Told: m.Reach != nil}
	out.Events, out.More = b.after(r.Applied, r.Limit)
	return out, nil
}

// Check implements [port.Ledger].
func (k *LedgerLink) Check(ctx context.Context, keys []revocast.Key) (port.Checked, error) {
	return do(ctx, k, OpCheck, keys, revocast.ErrUnavailable, func(l *Ledger) (port.Checked, error) {
		b := &l.books
		if err := b.serves(); err != nil {
			return port.Checked{}, err
		}
		out := port.Checked{
			Position: b.position(), Terms: b.terms, Now: l.now(), States: make([]revocast.State, len(keys)),
		}
		for i, key := range keys {
			out.States[i] = b.load(key).State
		}
		return out, nil
	})
}

// Snapshot implements [port.Ledger]. Pages come in the order of the keys; each but
// the first begins with the last state of the one before, for a state may come twice.
func (k *LedgerLink) Snapshot(ctx context.Context, cursor string) (port.StatePage, error) {
	return do(ctx, k, OpSnapshot, cursor, revocast.ErrUnavailable,
		func(l *Ledger) (port.StatePage, error) { return l.snapshot(cursor) })
}

func (l *Ledger) snapshot(cursor string) (port.StatePage, error) {
	b := &l.books
	if err := b.serves(); err != nil {
		return port.StatePage{}, err
	}
	from, err := parseCursor(cursor)
	if err != nil {
		return port.StatePage{}, err
	}
	var keys []revocast.Key
	for key := range b.states.m {
		if bytes.Compare(key[:], from[:]) >= 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b revocast.Key) int { return bytes.Compare(a[:], b[:]) })
	var p port.StatePage
	size := max(l.o.Page, 2) // a page that repeats one state has to bring another
	for i, key := range keys {
		if i == size {
			p.Next = hex.EncodeToString(keys[i-1][:])
			break
		}
		if s := b.load(key); s.Scope != 0 {
			found := s.KeyedState
			found.Changed = s.changed
			p.States = append(p.States, found)
		}
	}
	return p, nil
}

// parseCursor reads the key that a page begins with.
func parseCursor(cursor string) (from revocast.Key, err error) {
	if n, err := hex.Decode(from[:], []byte(cursor[:min(len(cursor), 2*len(from))])); err != nil ||
		cursor != "" && n != len(from) {
		return from, fmt.Errorf("%w: fake: cursor %.80q", revocast.ErrInvalid, cursor)
	}
	return from, nil
}

// Leave implements [port.Ledger].
func (k *LedgerLink) Leave(ctx context.Context, m port.MemberID) error {
	if err := k.checkMember(m); err != nil {
		return err
	}
	return doErr(ctx, k, OpLeave, m, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		if err := l.books.serves(); err != nil {
			return err
		}
		l.removeLocked(m)
		return nil
	})
}

func (l *Ledger) removeLocked(m port.MemberID) {
	b := &l.books
	if _, known := b.members.get(m); known {
		b.members.drop(&b.history, m)
		b.turnOver(m.Class)
	}
}
