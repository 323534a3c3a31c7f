package sim

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/revocast/revocast"
)

// Describe implements [revocast.Ledger].
func (k *LedgerLink) Describe(ctx context.Context) (revocast.Description, error) {
	return do(ctx, k, OpDescribe, nil, revocast.ErrUnavailable, func() (revocast.Description, error) {
		b := &k.l.books
		d := revocast.Description{Server: k.l.serverID(), Now: k.l.now()}
		if b.epoch == 0 {
			return d, nil
		}
		d.State, d.Position, d.Durable, d.Trimmed = b.state, b.position(), b.durable, b.trimmed
		d.Settled, d.Terms, d.Record = b.settled, b.terms, b.record
		d.Claims = slices.Clone(b.claims)
		return d, nil
	})
}

var memberName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func checkMember(m revocast.MemberID) error {
	if memberName.MatchString(m.Worker) && memberName.MatchString(m.Incarnation) {
		return nil
	}
	return fmt.Errorf("%w: sim: member %.200q", revocast.ErrInvalid, m)
}

// Renew implements [revocast.Ledger].
func (k *LedgerLink) Renew(ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	if err := checkMember(r.Member); err != nil {
		report(k.l.report, "%s: %v", k.name, err)
		return revocast.Renewed{}, err
	}
	if r.Limit <= 0 {
		report(k.l.report, "%s renews with a limit of %d", k.name, r.Limit)
		r.Limit = 1000
	}
	return do(ctx, k, OpRenew, r, revocast.ErrUnavailable, func() (revocast.Renewed, error) { return k.l.renew(r) })
}

func (l *Ledger) renew(r revocast.Renewal) (revocast.Renewed, error) {
	b := &l.books
	if err := b.serves(); err != nil {
		return revocast.Renewed{}, err
	}
	switch {
	case b.position().Before(r.Applied):
		return revocast.Renewed{}, fmt.Errorf("%w: sim: at %s, applied %s", revocast.ErrEpoch, b.position(), r.Applied)
	case r.Applied.Before(b.trimmed):
		return revocast.Renewed{}, fmt.Errorf("%w: sim: the log starts after %s", revocast.ErrTrimmed, b.trimmed)
	}
	l.keepLocked()
	m, known := b.members[r.Member]
	if !known {
		b.generation++
		m.Renewals = b.generation << 20 // never a value that the member had before
	}
	m.ID, m.Applied, m.Version, m.Seen = r.Member, r.Applied, r.Version, l.now()
	m.Renewals++
	if b.members == nil {
		b.members = make(map[revocast.MemberID]revocast.Member)
	}
	b.members[r.Member] = m
	l.renewed[r.Member] = l.clock.Monotonic()
	out := revocast.Renewed{Position: b.position(), Terms: b.terms, Now: l.now()}
	out.Events, out.More = b.after(r.Applied, r.Limit)
	return out, nil
}

// Check implements [revocast.Ledger].
func (k *LedgerLink) Check(ctx context.Context, keys []revocast.Key) (revocast.Checked, error) {
	return do(ctx, k, OpCheck, keys, revocast.ErrUnavailable, func() (revocast.Checked, error) {
		b := &k.l.books
		if err := b.serves(); err != nil {
			return revocast.Checked{}, err
		}
		out := revocast.Checked{Position: b.position(), Terms: b.terms, States: make([]revocast.State, len(keys))}
		for i, key := range keys {
			out.States[i] = b.load(key, k.l.now()).State
		}
		return out, nil
	})
}

type page struct {
	states []revocast.KeyedState
	next   string
}

// Snapshot implements [revocast.Ledger]. Pages come in the order of the keys.
func (k *LedgerLink) Snapshot(ctx context.Context, cursor string) ([]revocast.KeyedState, string, error) {
	p, err := do(ctx, k, OpSnapshot, cursor, revocast.ErrUnavailable, func() (page, error) { return k.l.snapshot(cursor) })
	return p.states, p.next, err
}

func (l *Ledger) snapshot(cursor string) (page, error) {
	b := &l.books
	if err := b.serves(); err != nil {
		return page{}, err
	}
	var keys []revocast.Key
	for key := range b.states {
		if key.String() > cursor {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b revocast.Key) int { return bytes.Compare(a[:], b[:]) })
	var p page
	for i, key := range keys {
		if i == l.o.Page {
			p.next = keys[i-1].String()
			break
		}
		if s := b.load(key, l.now()); s.Scope != 0 {
			found := s.KeyedState
			found.Changed = s.changed
			p.states = append(p.states, found)
		}
	}
	return p, nil
}

// Leave implements [revocast.Ledger].
func (k *LedgerLink) Leave(ctx context.Context, m revocast.MemberID) error {
	_, err := do(ctx, k, OpLeave, m, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		if err := k.l.books.serves(); err != nil {
			return struct{}{}, err
		}
		k.l.removeLocked(m)
		return struct{}{}, nil
	})
	return err
}

func (l *Ledger) removeLocked(m revocast.MemberID) {
	if _, known := l.books.members[m]; known {
		l.keepLocked()
		delete(l.books.members, m)
		l.books.generation++
	}
}
