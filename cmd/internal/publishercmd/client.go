package publishercmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/cmd/internal/wiring"
)

// clientFlags say which service is called.
type clientFlags struct {
	URL      string `name:"url" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The publisher to call. Default: ${default}."`
	APIToken string `name:"api-token" placeholder:"TOKEN" help:"API token. Use the environment variable: every user of the machine can read the command line."`
	JSON     bool   `name:"json" help:"JSON for machines, one line."`

	wiring.ClientTLSFlags
}

// open makes the client. Nothing is sent yet.
func (f *clientFlags) open() (*client.Client, error) {
	return f.openWith(client.Options{})
}

func (f *clientFlags) openWith(o client.Options) (*client.Client, error) {
	transport, err := f.ClientTLSFlags.Transport()
	if err != nil {
		return nil, err
	}
	o.Token = f.APIToken
	return newClient(f.URL, transport, o)
}

func newClient(url string, transport http.RoundTripper, o client.Options) (*client.Client, error) {
	o.UserAgent = "publisher/" + wiring.Version()
	if transport != nil {
		o.HTTP = &http.Client{Transport: transport}
	}
	c, err := client.New(url, o)
	if err != nil {
		return nil, wiring.Usage("%w", err)
	}
	return c, nil
}

// errInterrupted is Ctrl-C: it is not known whether the server carried out the request.
var errInterrupted = errors.New("interrupted")

// maxTimeout is the longest that the server waits, see [publisherapi.Options].
const maxTimeout = 30 * time.Second

// explain adds a hint about what to check when nobody answers.
func (f *clientFlags) explain(err error) error {
	var answered *client.Error
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	if errors.As(err, &answered) && answered.NeedsConfirmation() {
		return wiring.WithHint(err, "run it again with --yes if that is meant; --dry-run shows what it concerns")
	}
	if errors.Is(err, revocast.ErrUnavailable) && !errors.As(err, &answered) {
		return wiring.WithHint(err, "is a publisher running there? start one with `publisher serve` or `publisher "+
			"dev`, or name another with --url")
	}
	if errors.Is(err, revocast.ErrOutcomeUnknown) && !errors.As(err, &answered) {
		return wiring.WithHint(err, "it may have been done: run it again, under the same --idempotency-key if it had "+
			"one, or look with `publisher show`")
	}
	return err
}

// writeFlags are those of every command that changes something.
type writeFlags struct {
	clientFlags
	Strength       string        `default:"confirmed" enum:"committed,durable,confirmed" help:"How far to wait: committed (in Redis), durable (in JetStream too), confirmed (no worker accepts it any more). Default: ${default}."`
	Timeout        time.Duration `default:"5s" help:"How long to wait for that, a duration of at most 30s. Default: ${default}."`
	IdempotencyKey string        `placeholder:"KEY" help:"Run again with the same key, the command is carried out once. Default: a random one."`
}

// AfterApply is called by kong, only for the command that is run.
func (f *writeFlags) AfterApply() error {
	if f.Timeout <= 0 || f.Timeout > maxTimeout {
		return wiring.Usage("--timeout %s: want more than 0s, at most %s", f.Timeout, maxTimeout)
	}
	return nil
}

// openToWrite makes the client and says how its calls are carried out.
func (f *writeFlags) openToWrite() (*client.Client, []revocast.CallOption, error) {
	c, err := f.open()
	if err != nil {
		return nil, nil, err
	}
	strength, err := revocast.ParseStrength(f.Strength)
	if err != nil {
		return nil, nil, wiring.Usage("%w", err)
	}
	opts := []revocast.CallOption{revocast.WithStrength(strength), revocast.WithIdempotencyKey(f.IdempotencyKey)}
	return c.WithWait(f.Timeout), opts, nil
}

// finish prints the outcome of one call.
func (f *writeFlags) finish(streams *wiring.Streams, what string, r revocast.Receipt, err error) error {
	if err != nil && !errors.Is(err, revocast.ErrPending) {
		return f.explain(err)
	}
	return printReceipt(streams.Out, f.JSON, what, r, err)
}

// oneIssuer refuses a value that is meant for another command: REVOCAST_ISSUER lists the issuers
// of `subscriber serve`, and a revocation with the whole list as its issuer would match no token.
func oneIssuer(issuer string) error {
	switch {
	case strings.Contains(issuer, ","):
		return wiring.Usage("--issuer %q: want one issuer, and this is a list", issuer)
	case issuer != "" && issuer == os.Getenv("REVOCAST_ISSUER") && strings.Contains(issuer, "="):
		return wiring.Usage("REVOCAST_ISSUER=%q: this command wants the name of one issuer, without its "+
			"keys: give it with --issuer", issuer)
	}
	return nil
}

// named is "principal alice", or the scope alone if it has no id.
func named(scope fmt.Stringer, id string) string {
	if id == "" {
		return scope.String()
	}
	return scope.String() + " " + id
}
