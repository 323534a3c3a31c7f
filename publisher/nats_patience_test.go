package publisher_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/dnstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/store/storetest"
)

// trouble is a fault of NATS, or of the connection to it, and its repair.
type trouble struct {
	nats        *eventstest.Server
	url         string
	connect     events.ConnectOptions
	spoil, mend func()
	says        string // a regular expression of what the log says
}

// TestWhatBecomesOfNATSEndsNoService: while NATS lets nobody in, or cannot be found, the
// worker serves from the ledger, and the log says why it hears nothing. Each cause comes
// twice: to a service that runs, and before the start of one.
func TestWhatBecomesOfNATSEndsNoService(t *testing.T) {
	dns := dnstest.Start(t)
	causes := []struct {
		name string
		open func(*testing.T) trouble
	}{
		{"the account is deleted", deletedAccount},
		{"the user's JWT expires", expiredJWT},
		{"the credentials file is half written", halfWritten},
		{"no such host", func(t *testing.T) trouble {
			return unnamed(t, dns, func(name string) { dns.Set(name) }, "no such host")
		}},
		{"the name server is mute", func(t *testing.T) trouble {
			return unnamed(t, dns, dns.Mute, "lookup .*timeout")
		}},
		{"TLS from an unknown authority", unknownTLS},
		{"no TLS any more", plainAgain},
		{"another authority", otherAuthority},
		{"a client certificate is wanted", certificateWanted},
		{"TLS before anything is said", handshakeFirst},
	}
	for _, cause := range causes {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			x := cause.open(t)
			r := fleettest.NewRigVia(t, storetest.Redis(t), x.nats,
				func(r *fleettest.Rig) { r.NatsURL, r.Connect = x.url, x.connect })
			says := regexp.MustCompile("(?i)" + x.says)
			explained := func(log *fleettest.LockedBuffer, when string) {
				t.Helper()
				eventstest.Await(t, when+": the log says why", func() bool { return says.MatchString(log.String()) })
			}
			var log, lateLog fleettest.LockedBuffer
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the log of the one:\n%sof the other:\n%s", &log, &lateLog)
				}
			})
			running := r.ServeVia(x.url, r.Redis.URL(), fleettest.Hurried(x.connect), fleettest.TextLogger(&log))
			r.Confirms(running, "before")
			x.spoil()
			eventstest.Await(t, "nothing to be heard", func() bool { return running.Sub.Status().Unheard != "" })
			explained(&log, "running")
			late := r.ServeVia(x.url, r.Redis.URL(), fleettest.Hurried(x.connect), fleettest.TextLogger(&lateLog))
			r.Commits(running, "refused")
			r.Commits(late, "refused at the start")
			explained(&lateLog, "at the start")
			r.Alive(running, "refused")
			x.mend()
			r.Confirms(running, "fine again")
			r.Confirms(late, "fine at last")
		})
	}
}

const twoAccounts = `jetstream: enabled
accounts {
  OTHER { users: [ { user: o, password: o } ] }
  REVOCAST { jetstream: enabled, users: [ { user: u, password: p } ] }
}`

func deletedAccount(t *testing.T) trouble {
	ns := eventstest.NewServer(t, eventstest.WithConfig(twoAccounts))
	gone := `jetstream: enabled, accounts { OTHER { users: [ { user: o, password: o } ] } }`
	return trouble{
		nats: ns, url: strings.Replace(ns.URL(), "://", "://u:p@", 1), says: "authorization violation",
		spoil: func() { ns.Reload(gone) },
		// A server that only reloads lets the user in again, and its JetStream answers nothing.
		mend: func() { ns.Change(twoAccounts) },
	}
}

func expiredJWT(t *testing.T) trouble {
	o := newOperator(t)
	ns := eventstest.NewServer(t, eventstest.WithConfig(o.conf()))
	creds := filepath.Join(t.TempDir(), "user.creds")
	o.write(creds, time.Hour)
	return trouble{
		nats: ns, url: ns.URL(), connect: events.ConnectOptions{Credentials: creds},
		says: "authentication expired|authorization violation",
		// The connection uses what the file held when the connection was made.
		spoil: func() { o.write(creds, 2*time.Second); ns.Restart() },
		mend:  func() { o.write(creds, time.Hour) },
	}
}

func halfWritten(t *testing.T) trouble {
	o := newOperator(t)
	ns := eventstest.NewServer(t, eventstest.WithConfig(o.conf()))
	creds := filepath.Join(t.TempDir(), "user.creds")
	o.write(creds, time.Hour)
	return trouble{
		nats: ns, url: ns.URL(), connect: events.ConnectOptions{Credentials: creds},
		says: "no nkey seed|no (user )?jwt|credentials",
		spoil: func() {
			if err := os.WriteFile(creds, []byte("-----BEGIN NATS USER"), 0o600); err != nil {
				t.Fatal(err)
			}
			ns.Restart()
		},
		mend: func() { o.write(creds, time.Hour) },
	}
}

// secured is a server with TLS, or will be one after on.
type secured struct {
	ns           *eventstest.Server
	right, wrong *authority
	files        string // the certificate's part of the configuration
	on           string // a configuration; without TLS it is empty
}

func newSecured(t *testing.T, at bool) *secured {
	s := &secured{right: newAuthority(t), wrong: newAuthority(t)}
	s.files = s.right.files("127.0.0.1")
	s.on = tlsConfig(s.files)
	first := ""
	if at {
		first = s.on
	}
	s.ns = eventstest.NewServer(t, eventstest.WithConfig(first))
	return s
}

func tlsConfig(parts ...string) string {
	return "tls { timeout: 2, " + strings.Join(parts, ", ") + " }"
}

// turn starts the server again with another configuration.
func (s *secured) turn(config string) func() {
	return func() { s.ns.Change(config) }
}

func (s *secured) trusts(a *authority) func() (*x509.CertPool, error) {
	return func() (*x509.CertPool, error) { return a.pool(), nil }
}

func unknownTLS(t *testing.T) trouble {
	s := newSecured(t, false)
	return trouble{nats: s.ns, url: s.ns.URL(), says: "unknown authority", spoil: s.turn(s.on), mend: s.turn("")}
}

func plainAgain(t *testing.T) trouble {
	s := newSecured(t, true)
	return trouble{
		nats: s.ns, url: s.ns.URL(), connect: events.ConnectOptions{Roots: s.trusts(s.right)},
		says: "secure connection not available", spoil: s.turn(""), mend: s.turn(s.on),
	}
}

func otherAuthority(t *testing.T) trouble {
	s := newSecured(t, true)
	var trusted atomic.Pointer[authority]
	trusted.Store(s.right)
	roots := func() (*x509.CertPool, error) { return trusted.Load().pool(), nil }
	return trouble{
		nats: s.ns, url: s.ns.URL(), connect: events.ConnectOptions{Roots: roots}, says: "unknown authority",
		spoil: func() { trusted.Store(s.wrong); s.ns.Restart() }, mend: func() { trusted.Store(s.right) },
	}
}

func certificateWanted(t *testing.T) trouble {
	s := newSecured(t, true)
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(&tls.Certificate{})
	wanted := tlsConfig(s.files, "verify: true")
	return trouble{
		nats: s.ns, url: s.ns.URL(), says: "certificate required|bad certificate",
		connect: events.ConnectOptions{Roots: s.trusts(s.right), Certificate: func() (tls.Certificate, error) {
			return *shown.Load(), nil
		}},
		spoil: s.turn(wanted),
		mend:  func() { c := s.right.issue("client"); shown.Store(&c) },
	}
}

// handshakeFirst: the server waits for the client's hello, and the client for the server's.
func handshakeFirst(t *testing.T) trouble {
	s := newSecured(t, true)
	return trouble{
		nats: s.ns, url: s.ns.URL(), connect: events.ConnectOptions{Roots: s.trusts(s.right)}, says: "timeout",
		spoil: s.turn(tlsConfig(s.files, "handshake_first: true")),
		mend:  s.turn(s.on),
	}
}

// unnamed is a server whose name is not found for a while.
func unnamed(t *testing.T, dns *dnstest.Server, lose func(name string), says string) trouble {
	ns := eventstest.NewServer(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(ns.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	name := "nats-" + port + ".revocast.test"
	dns.Set(name, "127.0.0.1")
	return trouble{
		nats: ns, url: "nats://" + net.JoinHostPort(name, port), says: says,
		spoil: func() { lose(name); ns.Restart() }, mend: func() { dns.Set(name, "127.0.0.1") },
	}
}
