package fake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store/storetest"
)

// course is a random course of calls and faults, drawn from a seed, and what came of it.
type course struct {
	ledgers []*fake.Ledger
	bus     *fake.Bus
	l       *fake.LedgerLink
	b       *fake.BusLink

	mu   sync.Mutex // guards the rest
	rnd  *rand.Rand
	said map[string][]string // by who said it
}

func (c *course) say(who, what string, v any, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said[who] = append(c.said[who], fmt.Sprintf("%s %s: %+v %v", time.Now().Format(time.StampMicro), what, v, err))
}

func (c *course) draw(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rnd.IntN(n)
}

func (c *course) run(t *testing.T, steps int) {
	l, b := fake.NewRealm(nil, fake.LedgerOptions{History: 20, Page: 3, LogKeep: 5}, fake.BusOptions{})
	c.ledgers, c.bus, c.l, c.b = []*fake.Ledger{l}, b, l.Link("a"), b.Link("a")
	b.SetDelivery(func(fake.Message) []time.Duration {
		return make([]time.Duration, c.draw(3))
	})
	hook := func(fake.Call) fake.Fault {
		f := fake.Fault{
			Delay: time.Duration(c.draw(50)) * time.Millisecond, After: time.Duration(c.draw(50)) * time.Millisecond,
			Late: c.draw(2) == 0,
		}
		if c.draw(8) == 0 {
			f.Err, f.Drop, f.Part = revocast.ErrUnavailable, c.draw(2) == 0, c.draw(4)
		}
		return f
	}
	if _, err := publisher.Init(t.Context(), c.l, c.b, storetest.Terms()); err != nil {
		t.Fatal(err)
	}
	c.l.SetHook(hook)
	c.b.SetHook(hook)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- c.b.Tail(ctx, port.TailHandler{
			Event:   func(e revocast.Event) { c.say("tail", "heard", e.Position, nil) },
			Suspect: func(err error) { c.say("tail", "suspects", nil, err) },
		})
	}()
	synctest.Wait()
	for range steps {
		c.step(t.Context())
		synctest.Wait()
	}
	cancel()
	<-ended
}

func (c *course) step(parent context.Context) {
	ctx, cancel := context.WithTimeout(parent, 90*time.Millisecond)
	defer cancel()
	last := c.ledgers[len(c.ledgers)-1]
	m := port.MemberID{Class: "default", Worker: "w", Incarnation: fmt.Sprint(c.draw(5))}
	back := last.Position()
	back.Rev -= min(back.Rev, uint64(c.draw(4)))
	switch c.draw(24) {
	case 0:
		last.RollBack(back)
	case 1:
		last.Restart()
	case 2:
		if next, ok := last.Fork(back, time.Duration(c.draw(300))*time.Millisecond); ok && len(c.ledgers) < 9 {
			c.ledgers = append(c.ledgers, next)
		}
	case 3:
		c.l.Reach(c.ledgers[c.draw(len(c.ledgers))])
	case 4:
		last.Stop()
	case 5, 6:
		last.Wake()
	case 7:
		c.bus.Truncate(len(c.bus.Events()) - c.draw(3))
	case 8:
		rev := uint64(c.draw(20))
		c.bus.Forget(func(e revocast.Event) bool { return e.Position.Rev == rev })
	case 9:
		c.bus.Garble()
	case 10, 11:
		c.recover(ctx)
	case 12:
		members, err := c.l.Members(ctx)
		c.say("caller", "members", members, err)
	case 13:
		page, err := c.l.Snapshot(ctx, "")
		c.say("caller", "snapshot", page, err)
	case 14:
		r, err := c.b.Replay(ctx, port.StreamPoint{},
			func(e revocast.Event) error { c.say("caller", "replayed", e.Position, nil); return nil })
		c.say("caller", "replay", r, err)
	case 15:
		r, err := c.l.Renew(ctx, port.Renewal{Member: m, Limit: 9})
		c.say("caller", "renewal", r, err)
	case 16:
		d, err := c.l.Describe(ctx)
		c.say("caller", "description", d, err)
	case 17:
		at, err := c.l.Acked(ctx, back.Epoch, []uint64{back.Rev})
		c.say("caller", "acked", at, err)
	default:
		c.revoke(ctx)
	}
}

func (c *course) revoke(ctx context.Context) {
	key := revocast.KeyOf("r", revocast.ScopePrincipal, "i", fmt.Sprint(c.draw(12)))
	id := fmt.Sprint(c.draw(1 << 30))
	made, err := c.l.Commit(ctx, id,
		[]revocast.Event{{Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: key}})
	c.say("caller", "commit", made, err)
	for _, e := range made.Entries {
		c.b.Publish(e.Event, func(err error) { c.say("bus", "published", e.Event.Position, err) })
		synctest.Wait()
		<-time.After(100 * time.Millisecond)
	}
}

// recover takes one step of a recovery that does not look left or right.
func (c *course) recover(ctx context.Context) {
	d, err := c.l.Describe(ctx)
	if err != nil || d.State != port.LedgerRecovering {
		return
	}
	record := port.EpochRecord{Epoch: d.Position.Epoch, Server: d.Server, Terms: d.Terms, Sequence: 7}
	c.say("caller", "open", nil, c.l.Open(ctx, port.Opening{Epoch: d.Position.Epoch, Record: record}))
}

// TestSameCourseTwice: the same calls and the same faults come to the same.
func TestSameCourseTwice(t *testing.T) {
	for seed := range uint64(40) {
		var said [2]map[string][]string
		for i := range said {
			synctest.Test(t, func(t *testing.T) {
				c := &course{rnd: rand.New(rand.NewPCG(seed, 1)), said: make(map[string][]string)}
				c.run(t, 300)
				said[i] = c.said
			})
		}
		for _, who := range []string{"caller", "bus", "tail"} {
			a, b := said[0][who], said[1][who]
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					t.Fatalf("seed %d, %s's line %d:\n%s\n%s", seed, who, i, a[i], b[i])
				}
			}
			if len(a) != len(b) || who == "caller" && len(a) < 100 {
				t.Fatalf("seed %d: %d and %d lines of %s", seed, len(a), len(b), who)
			}
		}
	}
}
