package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
)

// Options tune a [Client]; the zero value works.
type Options struct {
	// Token is the API token. Empty: none is sent.
	Token string
	// Realm is the realm that the server must serve. A server of another realm refuses every call
	// with [revocast.ErrConflict]. The account stores require it, because they ask for
	// [Client.Realm]. Empty: any realm will do.
	Realm string
	// UserAgent names the program in the server's logs. Default: revocast.
	UserAgent string
	// Timeout is how long one request may take, including its wait for confirmation. The context
	// may end it earlier. Default 35 s, which is longer than any server waits. Event streams have
	// no timeout.
	Timeout time.Duration
	// HTTP sends the requests. Default: a client with [http.DefaultTransport]. Redirects are
	// never followed: they would carry the API token elsewhere.
	HTTP *http.Client
	// Retries is how often a call that writes is repeated. Default 2; [NoRetries]: never.
	Retries int
	// Reconnect is how long [Client.Watch] pauses before it connects again. Default 1 s.
	Reconnect time.Duration
	// OnBreak is told why an event stream broke, each time before [Client.Watch] connects
	// again. It must not block. Optional.
	OnBreak func(error)
	// Canaries makes [Client.Watch] report canaries too: the revocations that publishers make to
	// measure the latency.
	Canaries bool
}

// NoRetries is the value of [Options.Retries] with which no call is repeated.
const NoRetries = option.None

// Client calls one publisher. Its methods may be called concurrently. It starts no
// goroutine and needs no closing.
type Client struct {
	base        string
	name        string // base without a password
	o           Options
	http        *http.Client
	wait        time.Duration // zero: nothing was said
	unconfirmed bool
}

// New returns a client of the server at base, such as http://127.0.0.1:8080. It connects to
// nothing. It fails with [revocast.ErrInvalid] if base is not such a URL or an option makes no
// sense.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: %s is not the URL of a server: want such as http://127.0.0.1:8080",
			revocast.ErrInvalid, shown(base))
	}
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	c := &Client{base: strings.TrimSuffix(u.String(), "/"), name: strings.TrimSuffix(u.Redacted(), "/"), o: o}
	hc := http.Client{}
	if o.HTTP != nil {
		hc = *o.HTTP
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &hc
	return c, nil
}

func (o Options) withDefaults() (Options, error) {
	if err := option.Complete("client.Options",
		option.Of("Timeout", &o.Timeout, 35*time.Second),
		option.Of("Reconnect", &o.Reconnect, time.Second),
		option.Of("Retries", &o.Retries, 2).Or("NoRetries"),
	); err != nil {
		return o, err
	}
	if o.UserAgent == "" {
		o.UserAgent = "revocast"
	}
	return o, nil
}

// shown is a URL that could not be used, unless it may hold a password.
func shown(base string) string {
	if strings.Contains(base, "@") {
		return "what was given (with a user name and password, which is not shown)"
	}
	return fmt.Sprintf("%q", base)
}

// Realm returns [Options.Realm]: the realm that every call insists on.
func (c *Client) Realm() string { return c.o.Realm }

// WithWait returns a client that waits this long for the strength of each call that writes, or
// until the context's deadline if that is earlier. Zero or less restores the default.
func (c *Client) WithWait(wait time.Duration) *Client {
	d := *c
	d.wait = max(0, wait)
	return &d
}

// Unconfirmed returns a client that does not confirm wide revocations ([revocast.Scope.Wide]).
// The server refuses them with an [*Error] for which [Error.NeedsConfirmation] is true; its text
// says how many workers they concern. It is for a program that asks a person first. Any other
// client confirms every revocation that it sends.
func (c *Client) Unconfirmed() *Client {
	d := *c
	d.unconfirmed = true
	return &d
}
