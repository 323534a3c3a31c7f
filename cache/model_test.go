package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/port"
)

// model is a cache in the plainest words, to compare with the cache under test. The ledger is its
// list of committed events, which reach the view in any order, repeatedly, or not at all.
type model struct {
	view      *cache.Cache
	limit     int
	unlimited bool // room for all entries: then the cache holds exactly what the model holds

	ledger  []revocast.Event
	now     int64
	top     revocast.Position
	since   revocast.Position
	loading bool
	whole   bool
	states  map[revocast.Key]revocast.State
	recent  map[revocast.Key]revocast.Position
	entries map[string]*port.Entry
	seen    map[revocast.Position]revocast.Event // ever applied
}

func TestModel(t *testing.T) {
	property.Check(t, func(t *property.T) {
		entries := property.SampledFrom([]int{-1, 1, 5, 1000, 1000}).Draw(t, "entries")
		limit := property.SampledFrom([]int{3, 20, 1000, 1000}).Draw(t, "limit")
		makes := []func(cache.Options) *cache.Cache{cache.NewPlain, cache.NewCrowded}
		make := property.SampledFrom(makes).Draw(t, "make")
		m := &model{
			view: make(cache.Options{Entries: entries, Revocations: limit}), limit: limit, unlimited: entries == 1000,
			now: 10_000,
		}
		m.entries, m.recent = map[string]*port.Entry{}, map[revocast.Key]revocast.Position{}
		m.states, m.seen = map[revocast.Key]revocast.State{}, map[revocast.Position]revocast.Event{}
		t.Repeat(map[string]func(*property.T){
			"commit": func(t *property.T) { m.commit(t) },
			"apply":  func(t *property.T) { m.apply(t) },
			"both":   func(t *property.T) { m.commit(t); m.applyOne(m.ledger[len(m.ledger)-1]) },
			"put":    func(t *property.T) { m.put(t) },
			"drop":   func(t *property.T) { m.drop(t) },
			"begin":  func(t *property.T) { m.beginLoad() },
			"end":    func(t *property.T) { m.endLoad() },
			"load":   func(t *property.T) { m.loadAll() },
			"later":  func(t *property.T) { m.now += property.Int64Range(1, 2500).Draw(t, "ms") },
			"expire": func(t *property.T) { m.expire() },
			"":       func(t *property.T) { m.compare(t) },
		})
	})
}

var scopes = []revocast.Scope{
	revocast.ScopeToken, revocast.ScopeSession, revocast.ScopePrincipal, revocast.ScopeClient,
	revocast.ScopeTenant, revocast.ScopeKey, revocast.ScopeAll,
}

func drawID(t *property.T, scope revocast.Scope) string {
	switch scope {
	case revocast.ScopeToken:
		return fmt.Sprint("t", property.IntRange(0, 15).Draw(t, "token"))
	case revocast.ScopeSession:
		return fmt.Sprint("s", property.IntRange(0, 7).Draw(t, "session"))
	case revocast.ScopePrincipal:
		return fmt.Sprint("p", property.IntRange(0, 3).Draw(t, "principal"))
	}
	return map[revocast.Scope]string{
		revocast.ScopeClient: "client", revocast.ScopeTenant: "tenant", revocast.ScopeKey: "kid",
	}[scope]
}

// commit appends a random event to the ledger; now and then in a new epoch.
func (m *model) commit(t *property.T) {
	next := revocast.Position{Epoch: 1, Rev: 1}
	if n := len(m.ledger); n > 0 {
		next = m.ledger[n-1].Position
		next.Rev++
		if property.IntRange(0, 9).Draw(t, "epoch") == 0 {
			next = revocast.Position{Epoch: next.Epoch + 1, Rev: 1}
		}
	}
	seconds := func(name string) int64 { return m.now/1000*1000 + 1000*property.Int64Range(-1, 8).Draw(t, name) }
	e := revocast.Event{
		Position: next, Kind: property.SampledFrom(revocast.Kinds[:]).Draw(t, "kind"), Scope: revocast.ScopePrincipal,
	}
	switch e.Kind {
	case revocast.KindRevoked:
		e.Scope = property.SampledFrom(scopes).Draw(t, "scope")
		e.Until, e.CutOff = seconds("until"), revocast.Forever
		if !e.Scope.Outright() {
			e.CutOff = property.Int64Range(1, 6).Draw(t, "cutoff")
			if property.Bool().Draw(t, "spare") {
				e.Except = keyOf(revocast.ScopeSession, drawID(t, revocast.ScopeSession))
			}
		}
	case revocast.KindBanned:
		e.From = max(0, seconds("from"))
		e.Until = e.From + 1000*property.Int64Range(1, 4).Draw(t, "length")
	case revocast.KindLifted:
		e.Until = seconds("until")
	case revocast.KindInvalidated:
		sorts := []revocast.Scope{revocast.ScopeSession, revocast.ScopePrincipal}
		e.Scope = property.SampledFrom(sorts).Draw(t, "scope")
	}
	e.Key = keyOf(e.Scope, drawID(t, e.Scope))
	m.ledger = append(m.ledger, e)
}

func (m *model) apply(t *property.T) {
	if len(m.ledger) > 0 {
		m.applyOne(property.SampledFrom(m.ledger).Draw(t, "event"))
	}
}

func (m *model) applyOne(e revocast.Event) {
	m.view.Apply(e)
	m.seen[e.Position] = e
	if m.top.Before(e.Position) {
		m.top = e.Position
	}
	if e.Kind == revocast.KindInvalidated {
		if m.recent[e.Key].Before(e.Position) {
			m.recent[e.Key] = e.Position
		}
	} else {
		m.states[e.Key] = m.states[e.Key].Merge(e.State())
		if len(m.states) > m.limit {
			m.since, m.whole, m.loading = m.top, false, false
			m.states = map[revocast.Key]revocast.State{}
		}
	}
	for id, held := range m.entries {
		cut := e.Kind == revocast.KindRevoked && e.State().Against(held.Issued, held.Keys.Session(), 0).Covered
		if held.Keys.Has(e.Key) && (cut || e.Kind == revocast.KindBanned || e.Kind == revocast.KindInvalidated) {
			delete(m.entries, id)
		}
	}
}

func (m *model) beginLoad() {
	m.view.BeginLoad()
	m.since, m.whole, m.loading = m.top, false, true
	m.states, m.entries = map[revocast.Key]revocast.State{}, map[string]*port.Entry{}
}

// endLoad keeps the promise that EndLoad makes: everything has been applied since.
func (m *model) endLoad() {
	for _, e := range m.ledger {
		m.applyOne(e)
	}
	m.view.EndLoad()
	m.whole, m.loading = m.whole || m.loading, false
}

func (m *model) loadAll() { m.beginLoad(); m.endLoad() }

func (m *model) expire() {
	m.view.Expire(m.now)
	for key, st := range m.states {
		if st.Until < m.now {
			delete(m.states, key)
		}
	}
}

// put checks a token with the ledger as it was at some position, and puts what a guard would put:
// no entry that was covered there, and none beyond the start of a known ban.
func (m *model) put(t *property.T) {
	i := property.IntRange(0, 15).Draw(t, "token")
	checked := revocast.Position{}
	if len(m.ledger) > 0 && property.IntRange(0, 5).Draw(t, "zero") > 0 {
		checked = property.SampledFrom(m.ledger).Draw(t, "checked").Position
	}
	e := entryOf(claimsOf(fmt.Sprint("t", i), fmt.Sprint("s", i/2), fmt.Sprint("p", i/4),
		property.Int64Range(1, 6).Draw(t, "issued")), checked)
	known := map[revocast.Key]revocast.State{}
	for _, event := range m.ledger {
		if event.Position.Compare(checked) <= 0 {
			known[event.Key] = known[event.Key].Merge(event.State())
		}
	}
	if m.find(known, e).Covered {
		return
	}
	e.Expires = earlier(m.find(known, e).BanFrom, m.find(m.states, e).BanFrom)
	want := m.admits(e)
	id := fmt.Sprint(i)
	got := m.view.Put(port.SpaceBearer, id, e, m.now)
	if got && !want || m.unlimited && got != want {
		t.Fatalf("Put of %s checked at %v: %v, want %v", id, checked, got, want)
	}
	if got {
		m.entries[id] = e
	}
}

// earlier is the start of the earlier of two bans, either of which may be absent.
func earlier(bans ...int64) time.Duration {
	end := time.Duration(1<<63 - 1)
	for _, from := range bans {
		if from != 0 {
			end = min(end, time.Duration(from)*time.Millisecond)
		}
	}
	return end
}

func (m *model) admits(e *port.Entry) bool {
	if !m.whole && e.Checked.Before(m.since) || m.find(m.states, e).Covered {
		return false
	}
	for _, key := range e.Keys.Append(nil) {
		ban := m.states[key].Ban
		if ban.From > m.now && ban.From < ban.Until && e.Checked.Before(ban.At) || e.Checked.Before(m.recent[key]) {
			return false
		}
	}
	return true
}

// find is Lookup in the plainest words.
func (m *model) find(states map[revocast.Key]revocast.State, e *port.Entry) (f port.Match) {
	for i := range e.Keys.Slots() {
		key, scope := e.Keys.At(i)
		st, ok := states[key]
		if scope == 0 || !ok {
			continue
		}
		if st.Against(e.Issued, e.Keys.Session(), m.now).Covered {
			cut := st
			cut.Ban = revocast.BanState{}
			return port.Match{
				Covered: true, Scope: scope, At: st.At, Banned: !cut.Against(e.Issued, e.Keys.Session(), m.now).Covered,
			}
		}
		if from := st.Ban.From; from > m.now && from < st.Ban.Until && (f.BanFrom == 0 || from < f.BanFrom) {
			f.BanFrom = from
		}
	}
	return f
}

func (m *model) drop(t *property.T) {
	id := fmt.Sprint(property.IntRange(0, 15).Draw(t, "token"))
	m.view.Drop(port.SpaceBearer, id)
	delete(m.entries, id)
}

// compare is the invariant after every step.
func (m *model) compare(t *property.T) {
	if err := m.view.CheckWhole(); err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		m.compareEntry(t, fmt.Sprint(i))
		m.compareLookup(t, i)
	}
	stats := m.view.Status()
	if stats.States != len(m.states) || stats.Complete != m.whole || stats.Entries > len(m.entries) {
		t.Fatalf("stats %+v, want %d states, complete %v, at most %d entries", stats, len(m.states), m.whole,
			len(m.entries))
	}
}

func (m *model) compareEntry(t *property.T, id string) {
	got, want := m.view.Get(port.SpaceBearer, id), m.entries[id]
	if got != nil && got != want || m.unlimited && got != want {
		t.Fatalf("Get %s: %p, want %p", id, got, want)
	}
	if got == nil || m.now >= got.Expires.Milliseconds() {
		return
	}
	// The point of the test: every event that was ever applied still counts, each by itself, until
	// what it covers has expired.
	for _, e := range m.seen {
		if e.Until < m.now || !got.Keys.Has(e.Key) || e.Kind == revocast.KindBanned && m.liftedAfter(e) {
			continue
		}
		if e.State().Against(got.Issued, got.Keys.Session(), m.now).Covered {
			t.Fatalf("Get %s, checked at %v: covered by %+v", id, got.Checked, e)
		}
	}
}

// liftedAfter reports whether a later register of the same principal's ban counts.
func (m *model) liftedAfter(e revocast.Event) bool {
	for _, later := range m.ledger {
		if later.Key == e.Key && e.Position.Before(later.Position) && later.State().Ban.At == later.Position {
			return true
		}
	}
	return false
}

func (m *model) compareLookup(t *property.T, i int) {
	for issued := range int64(8) {
		e := entryOf(claimsOf(fmt.Sprint("t", i), fmt.Sprint("s", i/2), fmt.Sprint("p", i/4), issued),
			revocast.Position{})
		got, complete := m.view.Lookup(&e.Keys, e.Issued, m.now)
		if want := m.find(m.states, e); got != want || complete != m.whole {
			t.Fatalf("Lookup of token %d issued at %d: %+v %v, want %+v %v", i, issued, got, complete, want, m.whole)
		}
	}
}
