package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// parts of scripts, which are no scripts by themselves.
var luaParts = []string{"prelude", "classes", "gate", "serve", "state", "stream", "leads"}

// halfRow is one script, and a call that runs it.
type halfRow struct {
	script string
	name   string // where there are several rows for a script
	// skip is how many runs of the script are let through: in a call that takes several.
	skip    int
	prepare func(t *testing.T, l *store.Ledger)
	// call returns a value that must be the same whether or not the call was run before.
	call  func(ctx context.Context, l *store.Ledger) (string, error)
	again error // of a call that finds its own work done
	reads bool  // a lost answer leaves nothing open: ErrUnavailable, not ErrOutcomeUnknown
}

var farFuture = time.Now().Add(24 * time.Hour).Truncate(24 * time.Hour).UnixMilli()

// fixed is a proposal whose result does not depend on when it is committed.
func fixed(from, to int) []revocast.Event {
	all := numberedProposals(from, to)
	for i := range all {
		all[i].CutOff, all[i].Until = 1000, farFuture
	}
	return all
}

func openedWith(commits int) func(*testing.T, *store.Ledger) {
	return func(t *testing.T, l *store.Ledger) {
		t.Helper()
		ctx := within(t, 30*time.Second)
		must(t, storetest.Start(ctx, l, 1))
		for from := 0; from < commits; from += 500 {
			commit(t, l, "", fixed(from, min(from+500, commits))...)
		}
	}
}

// movingWith is openedWith, and then the realm gets a name secret.
func movingWith(commits int) func(*testing.T, *store.Ledger) {
	return func(t *testing.T, l *store.Ledger) {
		t.Helper()
		openedWith(commits)(t, l)
		must(t, l.MoveNames(within(t, 10*time.Second), 2, port.Naming{Secrets: 1, Check: "0123456789abcdef"}))
	}
}

func withMember(t *testing.T, l *store.Ledger) {
	t.Helper()
	openedWith(3)(t, l)
	_, err := l.Renew(within(t, 10*time.Second), port.Renewal{Member: halfMember, Limit: 10})
	must(t, err)
}

func recovering(t *testing.T, l *store.Ledger) {
	t.Helper()
	openedWith(3)(t, l)
	must(t, l.Reopen(within(t, 10*time.Second), 2, "before"))
}

// overdue is an open ledger with a state that may be forgotten.
func overdue(t *testing.T, l *store.Ledger) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	must(t, l.Begin(ctx, 1, storetest.Terms()))
	e := fixed(1, 2)[0]
	e.Position, e.At, e.Until = revocast.Position{Epoch: 1, Rev: 1}, 500, 1000
	_, err := l.Restore(ctx, 1, []revocast.Event{e})
	must(t, err)
	must(t, storetest.Reopen(ctx, l))
}

func nothing(*testing.T, *store.Ledger) {}

var halfMember = port.MemberID{Class: "default", Worker: "w", Incarnation: "i"}

func halfRestored(n int) func(context.Context, *store.Ledger) (string, error) {
	return func(ctx context.Context, l *store.Ledger) (string, error) {
		events := fixed(100, 100+n)
		for i := range events {
			events[i].Position, events[i].At = revocast.Position{Epoch: 1, Rev: uint64(100 + i)}, 500
		}
		_, err := l.Restore(ctx, 2, events) // what it counts is its own run's
		return "", err
	}
}

func halfOpen(ctx context.Context, l *store.Ledger) (string, error) {
	o := port.Opening{Epoch: 2, Stream: port.StreamPoint{Created: 7, Sequence: 8, Stored: farFuture}}
	o.Record = port.EpochRecord{Epoch: 2, Sequence: 102}
	d, err := l.Describe(ctx)
	if err != nil {
		return "", err
	}
	o.Record.Server = d.Server
	return "", l.Open(ctx, o)
}

func halfMark(ctx context.Context, l *store.Ledger) (string, error) {
	m := port.StreamMark{Point: port.StreamPoint{Created: 7, Sequence: 8, Stored: farFuture}}
	m.Complete = revocast.Position{Epoch: 1, Rev: 2}
	return "", l.Mark(ctx, port.StreamPoint{}, m)
}

func halfCommit(ctx context.Context, l *store.Ledger) (string, error) {
	until := fixed(9, 10)
	until[0].Kind, until[0].CutOff = revocast.KindBanned, 0
	c, err := l.Commit(ctx, "a key", append(fixed(1, 7), until...))
	text := fmt.Sprint(c.Epoch)
	for _, e := range c.Entries {
		text += fmt.Sprint(" ", e.Event.Position, e.Event.CutOff, e.Event.Until, e.Fresh)
	}
	return text, err
}

func halfSetTerms(ctx context.Context, l *store.Ledger) (string, error) {
	terms := storetest.Terms()
	terms.Lease /= 2
	return "", l.SetTerms(ctx, terms)
}

// halfRows: one for each script at least.
func halfRows() []halfRow {
	return []halfRow{
		{
			script: "begin", prepare: nothing, again: revocast.ErrConflict,
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				return "", l.Begin(ctx, 3, storetest.Terms())
			},
		},
		{script: "restore", prepare: recovering, call: halfRestored(3)},
		{script: "restore", name: "its second step", skip: 1, prepare: recovering, call: halfRestored(600)},
		{script: "open", prepare: recovering, call: halfOpen},
		{
			script: "open", name: "its second step", skip: 1, call: halfOpen,
			prepare: func(t *testing.T, l *store.Ledger) {
				openedWith(2500)(t, l)
				must(t, l.Reopen(within(t, 10*time.Second), 2, "before"))
			},
		},
		{script: "reopen", prepare: openedWith(3), call: func(ctx context.Context, l *store.Ledger) (string, error) {
			return "", l.Reopen(ctx, 4, "before")
		}},
		{script: "fence", prepare: openedWith(3), call: func(ctx context.Context, l *store.Ledger) (string, error) {
			return "", l.Fence(ctx, 1)
		}},
		{script: "set_terms", prepare: openedWith(1), call: halfSetTerms},
		{script: "set_terms", name: "its second step", skip: 1, prepare: openedWith(1), call: halfSetTerms},
		{script: "settle", call: func(ctx context.Context, l *store.Ledger) (string, error) {
			return "", l.Settle(ctx, 1, 1)
		}, prepare: func(t *testing.T, l *store.Ledger) {
			openedWith(1)(t, l)
			_, err := halfSetTerms(within(t, 10*time.Second), l)
			must(t, err)
		}},
		{script: "commit", prepare: openedWith(3), call: halfCommit},
		{script: "acked", prepare: openedWith(9), call: func(ctx context.Context, l *store.Ledger) (string, error) {
			p, err := l.Acked(ctx, 1, []uint64{1, 2, 3, 5, 9})
			return p.String(), err
		}},
		{script: "mark", prepare: openedWith(3), call: halfMark},
		{script: "turn", prepare: openedWith(1), call: func(ctx context.Context, l *store.Ledger) (string, error) {
			mine, err := l.Turn(ctx, "task", "me", time.Hour)
			return fmt.Sprint(mine), err
		}},
		{
			script: "turn_leads", prepare: openedWith(1),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				turn, err := l.TurnLeads(ctx, 0)
				return fmt.Sprint(turn), err
			},
		},
		{
			script: "sight", reads: true, prepare: openedWith(1),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				s, err := l.Sight(ctx,
					port.Sighting{Issuer: numbered(1), Issued: time.Now().Add(-time.Hour).UnixMilli(), Known: 4000})
				return fmt.Sprint(s.Lead, s.Beyond, s.Sure), err
			},
		},
		{script: "forget", prepare: overdue, call: func(ctx context.Context, l *store.Ledger) (string, error) {
			_, err := l.Forget(ctx, revocast.Forever, []revocast.Key{numbered(1)}) // what it counts is its own run's
			return "", err
		}},
		{
			script: "move_names", prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				return "", l.MoveNames(ctx, 2, port.Naming{Secrets: 1, Check: "0123456789abcdef"})
			},
		},
		{
			script: "old_names", reads: true, prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				page, err := l.OldNames(ctx, "")
				return fmt.Sprint(len(page.States)), err
			},
		},
		{
			script: "rekey", prepare: movingWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				var states []port.Rekeyed
				for _, e := range fixed(0, 3) {
					to := e.Key
					to[0] ^= 1
					states = append(states, port.Rekeyed{From: e.Key, To: to})
				}
				return "", l.Rekey(ctx, 2, states)
			},
		},
		{
			script: "sealed", reads: true, prepare: openedWith(1),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				sealed, err := l.Sealed(ctx, []revocast.Key{{1}})
				return fmt.Sprintf("%q", sealed), err
			},
		},
		{script: "recount", prepare: openedWith(3), call: func(ctx context.Context, l *store.Ledger) (string, error) {
			d, err := l.Describe(ctx)
			if err == nil {
				err = l.Recount(ctx, 1, 1<<32, 1<<32+2)
			}
			return fmt.Sprint(d.Born), err
		}},
		{
			script: "renew", reads: true, prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				r, err := l.Renew(ctx, port.Renewal{Member: halfMember, Limit: 10})
				return fmt.Sprint(r.Position, len(r.Events), r.More), err
			},
		},
		{script: "leave", prepare: withMember, call: func(ctx context.Context, l *store.Ledger) (string, error) {
			return "", l.Leave(ctx, halfMember)
		}},
		{script: "strike", prepare: withMember, call: func(ctx context.Context, l *store.Ledger) (string, error) {
			list, err := l.Members(ctx)
			if err != nil {
				return "", err
			}
			m := port.Member{ID: halfMember, Still: time.Hour}
			if len(list.Members) > 0 {
				m.Renewals = list.Members[0].Renewals
			}
			gone, err := l.Strike(ctx, m)
			return fmt.Sprint(gone), err
		}},
		{script: "prune", prepare: withMember, call: func(ctx context.Context, l *store.Ledger) (string, error) {
			classes, err := l.Prune(ctx)
			return fmt.Sprint(classes), err
		}},
		{script: "admit", prepare: openedWith(1), call: func(ctx context.Context, l *store.Ledger) (string, error) {
			return "", l.Admit(ctx, []string{"web"})
		}},
		{
			script: "members", reads: true, prepare: withMember,
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				m, err := l.Members(ctx)
				return fmt.Sprint(len(m.Members), m.Unlisted), err
			},
		},
		{
			script: "describe", reads: true, prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				d, err := l.Describe(ctx)
				return d.Position.String(), err
			},
		},
		{
			script: "check", reads: true, prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				c, err := l.Check(ctx, []revocast.Key{numbered(1)})
				return fmt.Sprint(c.Position, c.States), err
			},
		},
		{
			script: "snapshot", reads: true, prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				_, err := l.Snapshot(ctx, "")
				return "", err
			},
		},
		{
			script: "verify", reads: true, prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				v, err := l.Verify(ctx, 1)
				return fmt.Sprint(v), err
			},
		},
		{
			script: "log", reads: true, prepare: openedWith(3),
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				events, err := l.Log(ctx, revocast.Position{}, 10)
				return fmt.Sprint(len(events)), err
			},
		},
	}
}
