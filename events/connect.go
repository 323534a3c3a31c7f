package events

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/port"
)

// ConnectOptions are the settings of [Connect]. The zero value works.
type ConnectOptions struct {
	// Name is the name under which the server shows this client. Default "revocast".
	Name string
	// Class is the class of workers ([A-Za-z0-9_-]{1,64}) whose user this is. It gets answers on
	// subjects of its own, _INBOX_<class>.>, so that no class hears what another one is answered.
	// Default: the user is a publisher's, and its answers come on _INBOX.>.
	Class string
	// Credentials is a file with a user's JWT and seed (.creds), or with the seed of an nkey alone.
	// Default: what the
	// URL says, nats://user:password@host or nats://token@host, or nothing.
	Credentials string
	// TLS is the configuration for tls:// URLs. Default: the system's roots.
	TLS *tls.Config
	// Certificate and Roots are called for each new connection, and replace those of TLS, so that
	// certificates renewed meanwhile count. With either the server must speak TLS. Default: what
	// TLS has.
	Certificate func() (tls.Certificate, error)
	Roots       func() (*x509.CertPool, error)
	// Patient makes Connect return after its first attempt, connected or not, and go on trying
	// after any error of the server or the network: a process that serves must not end because NATS
	// is away or refuses it. Default: it fails when the first attempt does.
	Patient bool
	// Timeout bounds one attempt to connect: to look the name up and to reach one of its addresses.
	// The handshake after it has as long again. Default 2 s.
	Timeout time.Duration
	// ReconnectWait is the pause between two rounds of attempts; up to as much again is added at
	// random, so that a fleet does not come back in step. Default 250 ms. After some failed rounds
	// it grows, to eight times this at most.
	ReconnectWait time.Duration
	// Logger receives lost and regained connections and errors. Default [slog.Default].
	Logger *slog.Logger
	// Extra is applied last and may override everything here.
	Extra []nats.Option
}

const (
	pingInterval         = time.Second
	pingsOutstanding     = 2
	defaultConnect       = 2 * time.Second
	defaultReconnectWait = 250 * time.Millisecond
)

// Connect opens a connection with what the broadcast needs: a dead link shows within three seconds
// instead of four minutes, reconnecting never ends, and nothing is buffered for a server that is
// away, since an acknowledgement that arrives late says what was true earlier. servers is one URL
// or several with commas between.
//
// [revocast.ErrInvalid]: a URL or the credentials file cannot be used.
// [revocast.ErrUnavailable]: nobody answers, or the server refuses the credentials.
func Connect(servers string, o ConnectOptions) (*nats.Conn, error) {
	if err := checkServers(servers); err != nil {
		return nil, err
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	opts := o.natsOptions()
	if o.Credentials != "" {
		login, err := credentials(o.Credentials)
		if err != nil {
			return nil, fmt.Errorf("%w: NATS credentials file: %w", revocast.ErrInvalid, err)
		}
		opts = append(opts, login)
	}
	nc, err := nats.Connect(servers, append(append(opts, o.Extra...), bounded)...)
	if err != nil {
		return nil, connectError(servers, err)
	}
	return nc, nil
}

// credentials logs in with what a file holds. One that holds neither may be mended while the process
// runs.
func credentials(file string) (nats.Option, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(text), "BEGIN NATS USER JWT") {
		if login, err := nats.NkeyOptionFromSeed(file); err == nil {
			return login, nil
		}
	}
	return nats.UserCredentials(file), nil
}

func (o ConnectOptions) withDefaults() (ConnectOptions, error) {
	if err := option.Complete("events.ConnectOptions",
		option.Of("Timeout", &o.Timeout, defaultConnect),
		option.Of("ReconnectWait", &o.ReconnectWait, defaultReconnectWait),
	); err != nil {
		return o, err
	}
	if o.Class != "" {
		if err := port.CheckClass(o.Class); err != nil {
			return o, err
		}
	}
	if o.Name == "" {
		o.Name = "revocast"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

func (o ConnectOptions) natsOptions() []nats.Option {
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.Timeout(o.Timeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsOutstanding),
		nats.FlusherTimeout(o.Timeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(o.ReconnectWait),
		nats.ReconnectJitter(o.ReconnectWait, o.ReconnectWait),
		nats.ReconnectBufSize(-1),
		// A server that was restarted with the wrong user list, and then with the
		// right one, must not have lost the fleet in between.
		nats.IgnoreAuthErrorAbort(),
		nats.RetryOnFailedConnect(o.Patient),
		nats.CustomReconnectDelay(o.reconnectDelay),
	}
	opts = append(opts, o.reports()...)
	if o.Class != "" {
		opts = append(opts, nats.CustomInboxPrefix("_INBOX_"+o.Class))
	}
	if o.TLS != nil {
		opts = append(opts, nats.Secure(o.TLS))
	}
	if o.Certificate != nil || o.Roots != nil {
		opts = append(opts, o.renewed)
	}
	return opts
}

// reconnectDelay is the pause after so many failed rounds of attempts.
func (o ConnectOptions) reconnectDelay(rounds int) time.Duration {
	pause := o.ReconnectWait << min(max(rounds-1, 0)/4, 3)
	return pause + rand.N(pause)
}

// reports logs what becomes of the connection. A server that refuses is asked again and again, and
// one asynchronous error can come hundreds of times a second.
func (o ConnectOptions) reports() []nats.Option {
	say := throttle.New(o.Logger, nil)
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			say.Warn("lost", "NATS connection lost", "error", err)
		}),
		nats.ConnectHandler(func(nc *nats.Conn) {
			say.Info("made", "NATS connection made", "server", nc.ConnectedUrlRedacted())
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			say.Info("regained", "NATS connection regained", "server", nc.ConnectedUrlRedacted())
		}),
		nats.LameDuckModeHandler(func(nc *nats.Conn) {
			say.Info("lame duck", "the NATS server is about to stop; another one is tried when it has", "server",
				nc.ConnectedUrlRedacted())
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			say.Warn("unreachable", "NATS cannot be reached; tried again", "error", err)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			say.Warn("error "+err.Error(), "NATS reports an error", "subject", subject, "error", err)
		}),
	}
}

// renewed makes each connection ask for the certificates.
func (o ConnectOptions) renewed(n *nats.Options) error {
	n.Secure, n.TLSCertCB, n.RootCAsCB = true, o.Certificate, o.Roots
	if n.TLSConfig == nil {
		n.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return nil
}

func checkServers(servers string) error {
	for server := range strings.SplitSeq(servers, ",") {
		server = strings.TrimSpace(server)
		if server == "" {
			return fmt.Errorf("%w: NATS URL is empty: want nats://host:4222", revocast.ErrInvalid)
		}
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil || u.Hostname() == "" {
			return fmt.Errorf("%w: NATS URL %q: want nats://host:4222; a / ? # @ : , or %% in a user name or "+
				"password is written %%2F %%3F %%23 %%40 %%3A %%2C %%25", revocast.ErrInvalid, hidden(server))
		}
	}
	return nil
}

// connectError adds what to look at. It names the servers without their passwords.
func connectError(servers string, err error) error {
	where := redact(servers)
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err,
		nats.ErrAccountAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return fmt.Errorf("%w: NATS at %s refuses these credentials: %w; check the user and password in the URL, or "+
			"the credentials file", revocast.ErrUnavailable, where, err)
	case errors.Is(err, nats.ErrNoServers):
		return fmt.Errorf("%w: no NATS server answers at %s: %w; check that it runs and that the address is right",
			revocast.ErrUnavailable, where, err)
	}
	return fmt.Errorf("%w: connect to NATS at %s: %w", revocast.ErrUnavailable, where, err)
}

// hidden is redact for a URL that could not be read. The text before a slash may be a part of a
// password, so hidden shows only a host that cannot contain a password.
func hidden(server string) string {
	scheme, rest, found := strings.Cut(server, "://")
	if !found {
		scheme, rest = "nats", server
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		return scheme + "://…@" + rest[at+1:]
	}
	return scheme + "://…"
}

// redact takes user, password and token out of a list of URLs, well formed or not.
func redact(servers string) string {
	list := strings.Split(servers, ",")
	for i, server := range list {
		scheme, rest, found := strings.Cut(strings.TrimSpace(server), "://")
		if !found {
			scheme, rest = "nats", scheme
		}
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = rest[at+1:]
		}
		list[i] = scheme + "://" + rest
	}
	return strings.Join(list, ",")
}
