package store_test

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// parts of scripts, which are no scripts by themselves.
var luaParts = []string{"prelude", "gate", "serve", "state", "stream", "leads"}

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

var halfMember = port.MemberID{Worker: "w", Incarnation: "i"}

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
	text := fmt.Sprint(c.Epoch, c.Generation)
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
			gone, err := l.Strike(ctx, port.Member{ID: halfMember, Renewals: 1 << 20, Still: time.Hour}) // its first
			return fmt.Sprint(gone), err
		}},
		{
			script: "members", reads: true, prepare: withMember,
			call: func(ctx context.Context, l *store.Ledger) (string, error) {
				m, err := l.Members(ctx)
				return fmt.Sprint(len(m.Members), m.Generation), err
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
				_, _, err := l.Snapshot(ctx, "")
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

// TestEveryScriptHasARow: every script has a row that says what a lost half of it leaves.
func TestEveryScriptHasARow(t *testing.T) {
	files, err := os.ReadDir("lua")
	must(t, err)
	rows := map[string]bool{}
	for _, r := range halfRows() {
		rows[r.script] = true
	}
	scripts := store.Scripts()
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".lua")
		if slices.Contains(luaParts, name) {
			continue
		}
		if _, known := scripts[name]; !known || !rows[name] {
			t.Errorf("lua/%s: known to store.Scripts %v, has a row in halfRows %v", f.Name(), known, rows[name])
		}
	}
	if want := len(files) - len(luaParts); len(scripts) != want || len(rows) != want {
		t.Errorf("%d scripts and rows for %d, there are %d files", len(scripts), len(rows), want)
	}
}

// halfWorld is a Redis behind a proxy that knows the scripts.
type halfWorld struct {
	proxy *respProxy
	rdb   redis.UniversalClient
	runs  map[string]string // EVALSHA's hash to script
}

func newHalfWorld(t *testing.T) *halfWorld {
	server := storetest.Redis(t, "--appendfsync", "everysec")
	w := &halfWorld{proxy: newRESPProxy(t, server.Addr()), rdb: server.Client(), runs: map[string]string{}}
	for name, s := range store.Scripts() {
		must(t, w.rdb.ScriptLoad(within(t, 10*time.Second), s.Source).Err())
		sum := sha1.Sum([]byte(s.Source))
		w.runs[hex.EncodeToString(sum[:])] = name
	}
	return w
}

// fail makes the runs of a script from the skip-th on fail in the given way, times times,
// and reports how many did.
func (w *halfWorld) fail(script string, skip, times int, how half) (failed func() int) {
	seen, done := 0, 0
	w.proxy.set(func(command []string) half {
		if len(command) < 2 || !strings.EqualFold(command[0], "evalsha") || w.runs[command[1]] != script {
			return whole
		}
		if seen++; seen <= skip || done >= times {
			return whole
		}
		done++
		return how
	})
	return func() int {
		w.proxy.set(nil)
		return done
	}
}

// TestBothHalves: for each script, a run that did not happen, one that did without an answer, and
// one that the client ran again by itself. A caller that runs the call once more finds the ledger
// as if it had been run once.
func TestBothHalves(t *testing.T) {
	w := newHalfWorld(t)
	for _, row := range halfRows() {
		t.Run(strings.TrimSpace(row.script+" "+row.name), func(t *testing.T) {
			want, answer := w.once(t, row)
			for _, f := range []struct {
				name  string
				how   half
				times int
			}{
				{"did not happen", neither, 1000},
				{"did not happen, tried again", neither, 1},
				{"happened, no answer", halfOnly, 1000},
				{"happened, no answer, ran again", halfOnly, 1},
			} {
				t.Run(f.name, func(t *testing.T) { w.failing(t, row, f.how, f.times, want, answer) })
			}
		})
	}
}

// once is what the call leaves and answers when nothing fails.
func (w *halfWorld) once(t *testing.T, row halfRow) (dump map[string]string, answer string) {
	l := w.ledger(t)
	row.prepare(t, l.Ledger)
	answer, err := row.call(within(t, 10*time.Second), l.Ledger)
	must(t, err)
	return w.dump(t, l.realm), answer
}

func (w *halfWorld) failing(t *testing.T, row halfRow, how half, times int, want map[string]string, answer string) {
	info := store.Scripts()[row.script]
	l := w.ledger(t)
	row.prepare(t, l.Ledger)
	failed := w.fail(row.script, row.skip, times, how)
	got, err := row.call(within(t, 10*time.Second), l.Ledger)
	if n := failed(); n == 0 || n < times && times < 3 {
		t.Fatalf("%d runs failed", n)
	}
	lost := revocast.ErrOutcomeUnknown
	if row.reads {
		lost = revocast.ErrUnavailable
	}
	if recovered := times == 1 && !info.Once; recovered {
		must(t, err)
	} else {
		if !errors.Is(err, lost) || errors.Is(err, revocast.ErrUnavailable) != errors.Is(lost,
			revocast.ErrUnavailable) {
			t.Errorf("error %v, want %v", err, lost)
		}
		got, err = row.call(within(t, 10*time.Second), l.Ledger)
		if how == halfOnly && row.again != nil {
			if !errors.Is(err, row.again) {
				t.Errorf("run again: %v, want %v", err, row.again)
			}
			got, err = answer, nil
		}
		must(t, err)
	}
	if got != answer {
		t.Errorf("answer %q, want %q", got, answer)
	}
	if left := w.dump(t, l.realm); !maps.Equal(left, want) {
		t.Errorf("left\n%s\nwant\n%s", lines(left), lines(want))
	}
}

type halfLedger struct {
	*store.Ledger
	realm string
}

func (w *halfWorld) ledger(t *testing.T) halfLedger {
	realm := rand.Text()
	l, err := store.Open(w.proxy.url(), realm, store.Options{})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return halfLedger{l, realm}
}

// timed are the fields that hold when something was done, or how often a member renewed.
var timed = []string{"t", "l", "marked", "n", "server"}

// dump is everything that Redis holds of a realm, but for times.
func (w *halfWorld) dump(t *testing.T, realm string) map[string]string {
	ctx := within(t, 10*time.Second)
	prefix := "{rv:" + realm + "}:"
	keys, err := w.rdb.Keys(ctx, prefix+"*").Result()
	must(t, err)
	all := map[string]string{}
	for _, key := range keys {
		name := strings.TrimPrefix(key, prefix)
		switch kind := w.rdb.Type(ctx, key).Val(); kind {
		case "hash":
			for field, value := range w.rdb.HGetAll(ctx, key).Val() {
				if slices.Contains(timed, field) {
					value = "…"
				}
				all[name+" "+field] = value
			}
		case "stream":
			for _, m := range w.rdb.XRange(ctx, key, "-", "+").Val() {
				for _, field := range timed {
					delete(m.Values, field)
				}
				all[name+" "+m.ID] = fmt.Sprint(m.Values)
			}
		case "set":
			all[name] = fmt.Sprint(slices.Sorted(slices.Values(w.rdb.SMembers(ctx, key).Val())))
		case "list":
			all[name] = fmt.Sprint(w.rdb.LRange(ctx, key, 0, -1).Val())
		case "string":
			if strings.HasPrefix(name, "i:") {
				name = "answer" // under a key made for one call
			}
			all[name] += "+"
		default:
			t.Fatalf("%s is a %s", key, kind)
		}
	}
	return all
}

func lines(m map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s = %s\n", k, m[k])
	}
	return b.String()
}
