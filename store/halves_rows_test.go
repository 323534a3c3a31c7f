package store_test

import (
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
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

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
var timed = []string{"t", "l", "marked", "gen", "m:w/i", "server"}

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
