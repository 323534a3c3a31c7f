package publisher

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// TestRefresher: the refresher publishes states that stand for longer than the stream keeps an
// event, at half of that time.
func TestRefresher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retention := port.DefaultTerms().Retention()
		l, b := openLedger(2), &busFake{}
		long := func(i uint64, age, until time.Duration) port.KeyedState {
			k := stated(i, until)
			k.Changed = time.Now().Add(-age).UnixMilli()
			return k
		}
		const ms = time.Millisecond
		l.d.Born, l.states = 5, []port.KeyedState{
			long(1, retention/2, retention), // not yet
			long(2, retention/2+ms, retention/2+ms),
			long(3, retention/2+ms, retention/2-ms), // ends as soon as the stream drops it
			long(4, 0, time.Hour),
			long(5, retention/2+ms, retention/2), // one more millisecond than the stream keeps it
		}
		serving := error(revocast.ErrRecovering)
		tools := partTools(l, b, io.Discard)
		tools.reader.terms.Store(&l.d.Terms)
		r := newRefresher(tools, b, func() error { touch(); return serving })
		defer running(t, r.run)()
		synctest.Wait()
		b.want(t)
		serving = nil
		if err := r.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.want(t, "refill 2-2", "refill 2-5")
		if r.republished.Load() != 2 {
			t.Errorf("%d republished", r.republished.Load())
		}
		pass(time.Minute) // the next look, as the first found the ledger recovering
		synctest.Wait()
		if got := b.taken(); len(got) < 1 {
			t.Error("not refreshed a minute later")
		}
		pass(retention/8 - time.Second)
		b.want(t)
	})
}
