package refresh_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/store/storetest"
)

// TestClocksThatDisagree: a cut-off by a clock that jumped would spare a thief or keep the
// user out, so nothing is cut off and nothing is changed. Logging in goes on.
func TestClocksThatDisagree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		for what, off := range map[string]time.Duration{"redis ahead": -time.Hour, "redis behind": time.Hour} {
			var wall storetest.Wall
			b.Client.FlushAll(t.Context())
			r := newRig(t, b, refresh.Options{Clock: &wall})
			token := r.login("alice")
			wall.Set(off)
			_, err := r.EndAll(r.ctx, "alice", revocast.Cause{})
			r.is(what, err, revocast.ErrUnavailable)
			r.tells(what)
			token = r.rotate(token.Text)
			later, err := r.Issue(r.ctx, refresh.Grant{Principal: "bob"})
			r.must(err)
			earlier := min(time.Now().UnixMilli(), wall.Now().UnixMilli())
			if d := later.AuthTime.UnixMilli() - earlier; d > 2000 || d < -2000 {
				t.Errorf("%s: a login begins %d ms after the earlier clock", what, d)
			}
			_, err = r.End(r.ctx, token.ID, refresh.Expect{}, revocast.Cause{}) // needs no clock
			r.must(err)
			r.pub.take()
			wall.Set(0)
			_, err = r.EndAll(r.ctx, "bob", revocast.Cause{})
			r.must(err)
			told := r.pub.take()
			if len(told) != 1 || told[0].CutOff.Before(later.AuthTime) ||
				told[0].CutOff.After(time.Now().Add(time.Second)) {
				t.Errorf("%s: told %+v, the login was at %s", what, told, later.AuthTime)
			}
			r.login("bob")
		}
	})
}
