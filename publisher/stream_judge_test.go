package publisher

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func TestJudge(t *testing.T) {
	unsuited := errors.Join(revocast.ErrUnsuited, errors.New("it discards the oldest"))
	var out bytes.Buffer
	b := &busFake{}
	tools := partTools(openLedger(1), b, &out)
	j := newJudge(tools.base, b, tools.streams)
	judge := func(err, want error, fit bool) {
		t.Helper()
		b.mendErr = err
		if got := j.judge(t.Context(), port.DefaultTerms()); !errors.Is(got, want) || want == nil && got != nil {
			t.Errorf("%v, want %v", got, want)
		}
		if (j.fit() == nil) != fit {
			t.Errorf("after %v it is fit: %v", err, j.fit())
		}
	}
	judge(nil, nil, true)
	judge(unsuited, unsuited, false)
	judge(revocast.ErrUnavailable, revocast.ErrUnavailable, false) // proves nothing
	judge(revocast.ErrNotFound, nil, true)                         // the audit makes it again
	judge(unsuited, unsuited, false)
	judge(nil, nil, true)
	b.mended = port.Mended{Changed: []string{"age", "limit"}, Snapshots: revocast.ErrNotFound}
	judge(nil, nil, true)
	b.want(t, "prepare")
	if j.mends.Load() != 2 || !strings.Contains(out.String(), `changes="age; limit"`) {
		t.Errorf("%d mended:\n%s", j.mends.Load(), out.String())
	}
}

func TestNagging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, failure := time.Now(), errors.New("failed")
		var n nagging
		var still, over int
		say := func(err error, wantStill, wantOver int) {
			t.Helper()
			n.say(time.Since(began), err, func() { still++ }, func() { over++ })
			if still != wantStill || over != wantOver {
				t.Errorf("said %d times, and over %d times; want %d, %d", still, over, wantStill, wantOver)
			}
		}
		say(nil, 0, 0)
		say(failure, 1, 0)
		pass(sayEvery - 1)
		say(failure, 1, 0)
		pass(1)
		say(failure, 2, 0)
		say(nil, 2, 1)
		say(nil, 2, 1)
		say(failure, 3, 1)
		n.say(time.Since(began), nil, func() {}, nil)
	})
}
