package publishercmd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apiclient"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/wiring"
)

// clientFlags say which service is called.
type clientFlags struct {
	URL      string `name:"url" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The publisher to call. Default: ${default}."`
	APIToken string `name:"api-token" placeholder:"TOKEN" help:"API token. Use the environment variable: every user of the machine can read the command line."`
	JSON     bool   `name:"json" help:"JSON for machines, one line."`

	wiring.ClientTLSFlags
}

// open makes the client. Nothing is sent yet.
func (f *clientFlags) open() (*apiclient.Client, error) {
	config, err := f.ClientTLSFlags.Config()
	if err != nil {
		return nil, err
	}
	return newClient(f.URL, f.APIToken, config)
}

func newClient(url, token string, config *tls.Config) (*apiclient.Client, error) {
	o := apiclient.Options{Token: token, UserAgent: "publisher/" + wiring.Version()}
	if config != nil {
		o.HTTP = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
		}}
	}
	client, err := apiclient.New(url, o)
	if err != nil {
		return nil, wiring.Usage("%w", err)
	}
	return client, nil
}

// explain says what to look at when nobody answers.
func (f *clientFlags) explain(err error) error {
	var answered *apiclient.Error
	if errors.Is(err, revocast.ErrUnavailable) && !errors.As(err, &answered) {
		return wiring.WithHint(err, "is a publisher running there? start one with `publisher serve` or `publisher dev`, or name another with --url")
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

func (f *writeFlags) call() apiclient.Call {
	return apiclient.Call{Wait: f.Timeout, Idempotency: f.IdempotencyKey}
}

// strength is valid once kong has checked the enumeration.
func (f *writeFlags) strength() (revocast.Strength, error) {
	return revocast.ParseStrength(f.Strength)
}

// finish prints the outcome of one call.
func (f *writeFlags) finish(streams *wiring.Streams, what string, r apitypes.Receipt, err error) error {
	if err != nil && !errors.Is(err, revocast.ErrPending) {
		return f.explain(err)
	}
	return printReceipt(streams.Out, f.JSON, what, r.Domain(), err)
}

// named is "principal alice", or the scope alone where it has no id.
func named(scope fmt.Stringer, id string) string {
	if id == "" {
		return scope.String()
	}
	return scope.String() + " " + id
}
