package revocasttest

import (
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/tcplink"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// Real returns a fleet on a redis-server and a nats-server of its own, from PATH. change may change the
// realm's terms before it is made.
func Real(tb testing.TB, change ...func(*port.Terms)) *Fleet {
	tb.Helper()
	return newFleet(tb, &real{redis: storetest.Redis(tb), nats: eventstest.NewServer(tb)}, change)
}

type real struct {
	redis *storetest.Server
	nats  *eventstest.Server
}

func (r *real) options() (realm.Options, bool) {
	return realm.Options{NATS: r.nats.URL(), Redis: r.redis.URL()}, true
}

// reconnectWait has a process come back within milliseconds.
const reconnectWait = 10 * time.Millisecond

func (r *real) open(tb testing.TB, name string) (port.Ledger, port.Bus, links) {
	tb.Helper()
	toRedis, toNATS := proxied(tb, r.redis.Addr()), proxied(tb, strings.TrimPrefix(r.nats.URL(), "nats://"))
	ledger, err := store.Open("redis://"+toRedis.link.Addr(), Realm, store.Options{})
	if err != nil {
		tb.Fatalf("revocasttest: %v", err)
	}
	tb.Cleanup(func() { _ = ledger.Close() })
	conn, err := events.Connect("nats://"+toNATS.link.Addr(), events.ConnectOptions{
		Name: name, ReconnectWait: reconnectWait, Patient: true, Logger: logger(),
	})
	if err != nil {
		tb.Fatalf("revocasttest: %v", err)
	}
	tb.Cleanup(conn.Close)
	bus, err := events.New(conn, Realm, events.Options{Logger: logger()})
	if err != nil {
		tb.Fatalf("revocasttest: %v", err)
	}
	tb.Cleanup(func() { _ = bus.Close() })
	return ledger, bus, links{toRedis, toNATS}
}

// proxy is a [Link] of TCP.
type proxy struct{ link *tcplink.Link }

func proxied(tb testing.TB, target string) proxy {
	tb.Helper()
	l, err := tcplink.New(target)
	if err != nil {
		tb.Fatalf("revocasttest: %v", err)
	}
	tb.Cleanup(l.Close)
	return proxy{l}
}

func (p proxy) cut() { p.link.Cut() }

func (p proxy) silence() {
	p.link.Heal()
	p.link.Set(tcplink.Out, tcplink.Lose)
	p.link.Set(tcplink.Back, tcplink.Lose)
}

func (p proxy) loseReplies() {
	p.link.Heal()
	p.link.Set(tcplink.Back, tcplink.Lose)
}

func (p proxy) mend() { p.link.Heal() }
