package events_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/dnstest"
)

// TestMuteNameServer: a name is looked up no longer than a connection is waited for. The
// library would wait for as long as the resolver does, and meanwhile nobody could close the
// connection, or look at it.
func TestMuteNameServer(t *testing.T) {
	dns := dnstest.Start(t)
	dns.Mute("mute.revocast.test")
	o := events.ConnectOptions{Patient: true, Timeout: brief, ReconnectWait: 10 * time.Millisecond}
	start := time.Now()
	nc, err := events.Connect("nats://mute.revocast.test", o)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-dns.Asked(): // by the first attempt
	default:
		t.Error("nobody asked for the name")
	}
	<-dns.Asked() // by the next one, which is under way now
	nc.Close()
	if took := time.Since(start); took > 8*brief {
		t.Errorf("two attempts of %v took %v", brief, took)
	}
	_, err = events.Connect("nats://mute.revocast.test", events.ConnectOptions{Timeout: brief})
	if err == nil || !strings.Contains(err.Error(), "mute.revocast.test") {
		t.Errorf("without patience: %v", err)
	}
}

// TestEveryAddressIsTried: a name has several, and nobody answers at most of them.
func TestEveryAddressIsTried(t *testing.T) {
	dns := dnstest.Start(t)
	ns := eventstest.NewServer(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(ns.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	dns.Set("several.revocast.test", "127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4")
	for range 8 {
		nc, err := events.Connect("nats://several.revocast.test:"+port, events.ConnectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
	}
}

// TestOwnDialerStays: who brings a dialer wants that one.
func TestOwnDialerStays(t *testing.T) {
	ns := eventstest.NewServer(t)
	own := &net.Dialer{Timeout: time.Second}
	if o := ns.Conn(t, nats.SetCustomDialer(own)).Opts; o.CustomDialer != own || o.SkipHostLookup {
		t.Errorf("connected by %T", o.CustomDialer)
	}
	if o := ns.Conn(t, nats.Dialer(own)).Opts; o.CustomDialer != nil || o.SkipHostLookup {
		t.Errorf("connected by %T", o.CustomDialer)
	}
}
