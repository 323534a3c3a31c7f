package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
)

func TestIdleExpirySlides(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour, Lifetime: 3 * time.Hour})
	_, token := k.alice()
	for range 3 {
		k.advance(50 * time.Minute)
		k.lives(token, true)
	}
	k.advance(61 * time.Minute)
	k.lives(token, false)
}

// TestAbsoluteEnd: no use and no extension leads past it.
func TestAbsoluteEnd(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour, Lifetime: 2 * time.Hour})
	s, token := k.alice()
	for range 3 {
		k.advance(39 * time.Minute)
		_, err := k.Extend(k.ctx(), s.ID, 24*time.Hour)
		k.must(err)
		k.lives(token, true)
	}
	k.advance(4 * time.Minute)
	k.lives(token, false)
	_, err := k.Extend(k.ctx(), s.ID, time.Hour)
	k.is(err, session.ErrNotFound)
}

func TestExtensionOutlastsIdle(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour})
	s, token := k.alice()
	_, err := k.Extend(k.ctx(), s.ID, 10*time.Hour)
	k.must(err)
	k.advance(time.Hour)
	k.lives(token, true) // which must not shorten it
	k.advance(8 * time.Hour)
	k.lives(token, true)
	k.advance(61 * time.Minute)
	k.lives(token, false)
}

func TestLastAccessIsWrittenOncePerTouch(t *testing.T) {
	k := embedded(t, session.Options{})
	s, token := k.alice()
	at := func() time.Time {
		t.Helper()
		got, err := k.Get(k.ctx(), token)
		k.must(err)
		peek, err := k.Peek(k.ctx(), s.ID)
		k.must(err)
		if !peek.LastAccess.Equal(got.LastAccess) || !peek.Expires.Equal(got.Expires) {
			t.Errorf("answered %+v, kept %+v", got, peek)
		}
		return got.LastAccess
	}
	k.advance(50 * time.Second)
	if got := at(); !got.Equal(s.LastAccess) {
		t.Errorf("written after 50 s: %s", got)
	}
	k.advance(11 * time.Second)
	if got := at(); got.Sub(s.LastAccess) < time.Minute {
		t.Errorf("not written after 61 s: %s", got)
	}
}

func TestTouchIsAnOption(t *testing.T) {
	for _, c := range []struct {
		o     session.Options
		after time.Duration
		want  bool
	}{
		{session.Options{Touch: 10 * time.Second}, 11 * time.Second, true},
		{session.Options{Touch: time.Hour}, 59 * time.Minute, false},
		{session.Options{Idle: time.Minute}, 16 * time.Second, true}, // a quarter of idle
		{session.Options{Idle: time.Minute}, 14 * time.Second, false},
	} {
		k := embedded(t, c.o)
		s, token := k.alice()
		k.advance(c.after)
		got, err := k.Get(k.ctx(), token)
		k.must(err)
		if written := got.LastAccess.After(s.LastAccess); written != c.want {
			t.Errorf("%+v: written after %s: %v", c.o, c.after, written)
		}
	}
}

// TestReadsWriteNothing asks the server itself.
func TestReadsWriteNothing(t *testing.T) {
	k := real(t, session.Options{})
	s, token := k.alice()
	changes := func() string {
		info, err := k.b.Client.Info(k.ctx(), "persistence").Result()
		k.must(err)
		_, rest, _ := strings.Cut(info, "rdb_changes_since_last_save:")
		n, _, _ := strings.Cut(rest, "\r")
		return n
	}
	before := changes()
	for range 20 {
		k.lives(token, true)
		_, err := k.ByID(k.ctx(), s.ID)
		k.must(err)
		k.list("alice")
	}
	if after := changes(); after != before || before == "" {
		t.Errorf("%q changes before, %q after", before, after)
	}
}

// TestAcceptedBeforeItIdlesOut: a guard that holds the claims for as long as they say
// loads the session again in time, however long it goes on.
func TestAcceptedBeforeItIdlesOut(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour, Lifetime: 5 * time.Hour})
	_, token := k.alice()
	load, began := k.Loader(), time.Duration(0)
	for {
		c, err := load(k.ctx(), token)
		if began > 5*time.Hour-time.Minute {
			break
		}
		k.must(err)
		left := time.Until(c.AcceptUntil)
		if left > 31*time.Minute || left <= 0 {
			t.Fatalf("accepted for %s after %s", left, began)
		}
		k.advance(left)
		began += left
	}
	k.advance(time.Minute)
	_, err := load(k.ctx(), token)
	k.is(err, revocast.ErrNotFound)
}

func TestAuthTime(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour, Lifetime: 10 * time.Hour})
	now := time.Now().Truncate(time.Millisecond)
	s, _ := k.login(session.Login{Principal: "alice", AuthTime: now.Add(-9 * time.Hour)})
	if !s.AuthTime.Equal(now.Add(-9*time.Hour)) || s.End.Sub(s.AuthTime) != 10*time.Hour {
		t.Errorf("authenticated 9 h ago: %+v", s)
	}
	s, _ = k.login(session.Login{Principal: "alice", AuthTime: now.Add(time.Hour)})
	if !s.AuthTime.Equal(s.Created) {
		t.Errorf("authenticated in the future: %+v", s)
	}
	_, err := k.Create(k.ctx(), session.Login{Principal: "alice", AuthTime: now.Add(-11 * time.Hour)})
	k.is(err, revocast.ErrInvalid)
	_, err = k.EndAll(k.ctx(), "alice")
	k.must(err)
	_, err = k.Create(k.ctx(), session.Login{Principal: "alice", AuthTime: now.Add(-time.Minute)})
	k.is(err, session.ErrCutOff)
}
