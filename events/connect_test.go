package events_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
)

func TestConnectWithCredentials(t *testing.T) {
	ns := eventstest.NewServer(t, eventstest.WithUser("user", "s3cret"))
	host := strings.TrimPrefix(ns.URL(), "nats://")
	nc, err := events.Connect("nats://user:s3cret@"+host, events.ConnectOptions{Name: "me"})
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if nc.Opts.Name != "me" {
		t.Errorf("connected as %q", nc.Opts.Name)
	}
	_, err = events.Connect("nats://user:wr0ng@"+host, events.ConnectOptions{})
	if !errors.Is(err, revocast.ErrUnavailable) || !errors.Is(err, nats.ErrAuthorization) ||
		!strings.Contains(err.Error(), "credentials") {
		t.Errorf("wrong password: %v", err)
	}
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the password is in the error: %v", err)
	}
}

func TestConnectErrors(t *testing.T) {
	creds := filepath.Join(t.TempDir(), "broken.creds")
	if err := os.WriteFile(creds, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	ns := eventstest.NewServer(t)
	tests := []struct {
		name, url string
		o         events.ConnectOptions
		want      error
	}{
		{"nobody there", "nats://127.0.0.1:1", events.ConnectOptions{}, revocast.ErrUnavailable},
		{"no URL", "", events.ConnectOptions{}, revocast.ErrInvalid},
		{"a comma too many", ns.URL() + ",", events.ConnectOptions{}, revocast.ErrInvalid},
		{"no host", "nats://", events.ConnectOptions{}, revocast.ErrInvalid},
		{"not a URL", "nats://a b:%zz", events.ConnectOptions{}, revocast.ErrInvalid},
		{"no credentials file", ns.URL(), events.ConnectOptions{Credentials: "/nowhere/at.all"}, revocast.ErrInvalid},
		{"broken credentials file", ns.URL(), events.ConnectOptions{Credentials: creds}, revocast.ErrUnavailable},
	}
	for _, test := range tests {
		nc, err := events.Connect(test.url, test.o)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if err == nil {
			nc.Close()
		} else if file := test.o.Credentials; !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v does not name %s", test.name, err, file)
		}
	}
}

func TestConnectSettings(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t, nats.Name("extra"))
	o := nc.Opts
	if o.PingInterval != time.Second || o.MaxPingsOut != 2 || o.MaxReconnect != -1 || o.ReconnectBufSize >= 0 ||
		o.ReconnectJitter == 0 || !o.IgnoreAuthErrorAbort {
		t.Errorf("connected with %+v", o)
	}
	if o.Name != "extra" {
		t.Errorf("Extra was not applied: %q", o.Name)
	}
	unreachable, err := events.Connect("127.0.0.1:1", events.ConnectOptions{Patient: true})
	if err != nil {
		t.Fatalf("a patient Connect failed: %v", err)
	}
	unreachable.Close()
}
