package refresh_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/internal/property"
)

// The model counts in minutes, which only Advance moves: the real time that a run takes is
// far below one.
const (
	modelGrace    = 3
	modelIdle     = 10
	modelLifetime = 30
)

// modelFamily is what a family should be: every token it has had, the latest at the end.
type modelFamily struct {
	refresh.Family
	principal string
	tokens    []string
	login     int // minutes
	rotated   int
	ended     bool
}

func (f *modelFamily) over(now int) bool {
	return now >= f.login+modelLifetime || now >= f.rotated+modelIdle
}

// machine drives a store and the model with the same steps.
type machine struct {
	*rig
	rt       *property.T
	people   [2]string
	now      int
	families []*modelFamily
	owed     []revocast.Revocation // that the fleet has to be told in this step
}

// draw picks a family; somebody logs in before every run.
func (m *machine) draw() *modelFamily {
	return property.SampledFrom(m.families).Draw(m.rt, "family")
}

func (m *machine) issue(rt *property.T) {
	who := property.SampledFrom(m.people[:]).Draw(rt, "principal")
	t, err := m.Issue(m.ctx, refresh.Grant{Principal: who})
	if err != nil {
		rt.Fatal(err)
	}
	m.families = append(m.families, &modelFamily{
		Family: t.Family, principal: who, tokens: []string{t.Text}, login: m.now, rotated: m.now,
	})
}

// present rotates any token that a family has had, the latest or an older one.
func (m *machine) present(rt *property.T) {
	f := m.draw()
	back := property.IntRange(0, len(f.tokens)-1).Draw(rt, "back")
	if property.Bool().Draw(rt, "recent") {
		back = min(back, 1)
	}
	got, err := m.Rotate(m.ctx, f.tokens[len(f.tokens)-1-back], refresh.Expect{})
	switch {
	case f.over(m.now):
		m.want(err, refresh.ErrNotFound)
	case f.ended:
		m.want(err, refresh.ErrEnded)
	case back == 0:
		m.want(err, nil)
		if slices.Contains(f.tokens, got.Text) || got.Again {
			rt.Fatalf("rotated to %+v", got)
		}
		f.tokens, f.rotated = append(f.tokens, got.Text), m.now
	case back == 1 && m.now < f.rotated+modelGrace:
		m.want(err, nil)
		if got.Text != f.tokens[len(f.tokens)-1] || !got.Again {
			rt.Fatalf("in the grace: %+v", got)
		}
	default:
		m.want(err, refresh.ErrReused)
		f.ended = true
		m.owed = append(m.owed, theft(f.Family))
		return
	}
	if err == nil && (int(got.Number) != len(f.tokens)-1 || got.AuthTime != f.AuthTime || got.Issued != f.Issued ||
		got.Ends != f.Ends) {
		rt.Fatalf("got %+v, issued %+v", got, f.Family)
	}
}

func (m *machine) revoke(rt *property.T) {
	f := m.draw()
	token := property.SampledFrom(f.tokens).Draw(rt, "token")
	_, err := m.EndToken(m.ctx, token, refresh.Expect{}, revocast.Cause{})
	if m.want(err, nil); !f.over(m.now) && !f.ended {
		f.ended = true
		m.owed = append(m.owed, logout(f.Family))
	}
}

func (m *machine) revokeAll(rt *property.T) {
	who := property.SampledFrom(m.people[:]).Draw(rt, "principal")
	_, err := m.EndAll(m.ctx, who, passwordChange)
	m.want(err, nil)
	m.owed = append(m.owed, cutOff(who))
	m.endAll(who, nil)
}

func (m *machine) revokeOthers(*property.T) {
	f := m.draw()
	_, err := m.EndOthers(m.ctx, f.principal, f.ID, passwordChange)
	if f.ended || f.over(m.now) {
		m.want(err, refresh.ErrNotFound)
		return
	}
	m.want(err, nil)
	r := cutOff(f.principal)
	r.Except = f.Session
	m.owed = append(m.owed, r)
	m.endAll(f.principal, f)
}

func (m *machine) endAll(who string, except *modelFamily) {
	for _, f := range m.families {
		if f.principal == who && f != except {
			f.ended = true
		}
	}
}

func (m *machine) pass(rt *property.T) {
	minutes := property.IntRange(1, 6).Draw(rt, "minutes")
	m.advance(time.Duration(minutes) * time.Minute)
	m.now += minutes
}

func (m *machine) want(err, want error) {
	if want == nil && err != nil || !errors.Is(err, want) {
		m.rt.Fatalf("got %v, want %v", err, want)
	}
}

// check is run after every step: the fleet was told what the model says and nothing else.
func (m *machine) check(rt *property.T) {
	told := m.pub.take()
	for i := range told {
		told[i].CutOff = time.Time{}
	}
	if !slices.Equal(told, m.owed) {
		rt.Fatalf("the fleet was told %+v, want %+v", told, m.owed)
	}
	m.owed = nil
}

// list: the living are listed, and nobody else.
func (m *machine) list(rt *property.T) {
	for _, who := range m.people {
		list, err := m.List(m.ctx, who)
		m.want(err, nil)
		var got, want []string
		for _, f := range list {
			got = append(got, f.ID)
		}
		for _, f := range m.families {
			if f.principal == who && !f.ended && !f.over(m.now) {
				want = append(want, f.ID)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("%s has %q, want %q", who, got, want)
		}
	}
}

// TestModel drives the store with random logins, rotations, replays of any token that there
// ever was, revocations and time, and compares it with a model after each step.
func TestModel(t *testing.T) {
	r := embedded(t, refresh.Options{
		Grace: modelGrace * time.Minute, Idle: modelIdle * time.Minute, Lifetime: modelLifetime * time.Minute,
	})
	run := 0
	property.Check(t, func(rt *property.T) {
		run++
		m := &machine{rig: r, rt: rt, people: [2]string{"alice" + strconv.Itoa(run), "bob" + strconv.Itoa(run)}}
		r.pub.take()
		m.issue(rt)
		rt.Repeat(map[string]func(*property.T){
			"issue": m.issue, "present": m.present, "present again": m.present, "revoke": m.revoke,
			"revoke all":    m.revokeAll,
			"revoke others": m.revokeOthers, "time passes": m.pass, "list": m.list, "": m.check,
		})
	})
}
