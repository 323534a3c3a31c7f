package session_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/store/storetest"
)

// Times of the model are far apart, so that what a call takes does not matter.
const (
	modelIdle = 10 * time.Hour
	modelLife = 30 * time.Hour
	modelStep = time.Hour
)

// entry is what the model knows of a session.
type entry struct {
	session.Session
	token   string
	old     []string // tokens that it had
	data    map[string]string
	version uint64
	used    int // when, in steps
	until   int // it was extended so far
	born    int
}

// model is what a store should hold, by the simplest means.
type model struct {
	*kit
	now  int // in steps
	live map[string]*entry
	dead []*entry
	n    int
}

func (m *model) steps(d time.Duration) int { return int(d / modelStep) }

// pass ends in the model what has ended by now.
func (m *model) pass() {
	for sid, e := range m.live {
		end := min(max(e.used+m.steps(modelIdle), e.until), e.born+m.steps(modelLife))
		if m.now >= end {
			m.kill(sid)
		}
	}
}

func (m *model) kill(sid string) {
	m.dead = append(m.dead, m.live[sid])
	delete(m.live, sid)
}

func (m *model) pick(t *property.T) *entry {
	var all []*entry
	for i := range m.n { // in a fixed order, so that a failure repeats
		if e := m.live[fmt.Sprint("s", i)]; e != nil {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return property.SampledFrom(all).Draw(t, "session")
}

func (m *model) create(t *property.T) {
	l := session.Login{
		Principal: property.SampledFrom([]string{"alice", "bob"}).Draw(t, "principal"), ID: fmt.Sprint("s", m.n),
		OnLogin: property.SampledFrom([]session.Policy{session.Keep, session.Keep, session.Keep, session.End}).Draw(t,
			"policy"),
	}
	s, token := m.login(l)
	if l.OnLogin == session.End {
		m.killAll(l.Principal, "")
	}
	m.live[l.ID] = &entry{Session: s, token: token, data: map[string]string{}, version: 1, used: m.now, born: m.now}
	m.n++
}

func (m *model) killAll(principal, but string) {
	for sid, e := range m.live {
		if e.Principal == principal && sid != but {
			m.kill(sid)
		}
	}
}

func (m *model) change(t *property.T) {
	e := m.pick(t)
	if e == nil {
		return
	}
	switch property.SampledFrom([]string{"set", "replace", "stale", "extend", "rotate", "use", "end", "all", "others"}).
		Draw(t, "change") {
	case "set":
		field := property.SampledFrom([]string{"a", "b"}).Draw(t, "field")
		_, err := m.SetField(m.ctx(), e.ID, field, fmt.Sprint(m.now))
		m.must(err)
		e.data[field] = fmt.Sprint(m.now)
		e.version++
	case "replace":
		e.data = map[string]string{"c": fmt.Sprint(m.now)}
		_, err := m.Update(m.ctx(), e.ID, e.version, e.data)
		m.must(err)
		e.version++
	case "stale":
		_, err := m.Update(m.ctx(), e.ID, e.version-1, map[string]string{"lost": ""})
		m.is(err, session.ErrVersion)
	case "extend":
		d := time.Duration(property.IntRange(1, 40).Draw(t, "hours")) * time.Hour
		_, err := m.Extend(m.ctx(), e.ID, d)
		m.must(err)
		e.until = max(e.until, m.now+m.steps(d))
	case "rotate":
		rotated, err := m.Rotate(m.ctx(), e.token)
		m.must(err)
		e.old, e.token, e.used = append(e.old, e.token), rotated.Token, m.now
	case "use":
		_, err := m.Get(m.ctx(), e.token)
		m.must(err)
		e.used = m.now
	case "end":
		_, err := m.End(m.ctx(), e.ID)
		m.must(err)
		m.kill(e.ID)
	case "all":
		_, err := m.EndAll(m.ctx(), e.Principal)
		m.must(err)
		m.killAll(e.Principal, "")
	case "others":
		_, err := m.EndOthers(m.ctx(), e.Principal, e.ID)
		m.must(err)
		m.killAll(e.Principal, e.ID)
	}
}

// check compares everything there is, and uses nothing that lives.
func (m *model) check(t *property.T) {
	listed := map[string]bool{}
	for _, principal := range []string{"alice", "bob"} {
		for _, s := range m.list(principal) {
			listed[s.ID] = s.Principal == principal
		}
	}
	for sid, e := range m.live {
		s, err := m.Peek(m.ctx(), sid)
		if err != nil || s.Version != e.version || len(s.Data) != len(e.data) ||
			len(e.data) > 0 && !maps.Equal(s.Data, e.data) || !listed[sid] {
			t.Fatalf("%s is %+v (%v, listed %v), want version %d of %v", sid, s, err, listed[sid], e.version, e.data)
		}
		for _, token := range e.old {
			m.lives(token, false)
		}
	}
	if len(listed) != len(m.live) {
		t.Fatalf("%d listed, %d live", len(listed), len(m.live))
	}
	for _, e := range m.dead {
		m.lives(e.token, false)
	}
	m.dead = m.dead[max(0, len(m.dead)-5):]
}

func TestModel(t *testing.T) {
	server := storetest.Embedded(t)
	b := storetest.Backend{Client: server.Client(), Advance: server.Advance}
	property.Check(t, func(rt *property.T) {
		server.FlushAll()
		m := &model{
			kit:  newKit(t, b, session.Options{Idle: modelIdle, Lifetime: modelLife, Touch: time.Minute}),
			live: map[string]*entry{},
		}
		rt.Repeat(map[string]func(*property.T){
			"create": m.create,
			"change": m.change,
			"again":  m.change,
			"wait": func(t *property.T) {
				n := property.IntRange(1, 12).Draw(t, "steps")
				m.now += n
				server.Advance(time.Duration(n) * modelStep)
				m.pass()
				m.check(t)
			},
		})
		m.check(rt)
	})
}
