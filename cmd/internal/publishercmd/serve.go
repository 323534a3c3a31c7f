package publishercmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/oklog/run"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/auditlog"
	"github.com/revocast/revocast/cmd/internal/canary"
	"github.com/revocast/revocast/cmd/internal/metrics"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/token"
)

type serveCmd struct {
	Listen         string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the HTTP API; :8080 is every address of this machine. Default: ${default}."`
	Name           string        `default:"publisher" placeholder:"NAME" help:"Name of this process in NATS' lists. Default: ${default}."`
	APITokens      string        `name:"api-tokens" type:"path" placeholder:"FILE" help:"File of API tokens, one a line, as publisher token prints them: name, hash, rights; of client certificates: name, cert:HOST, rights; or as name:token or the token alone, with every right. Read again each second; one that cannot be used is logged, and the tokens from before stay."`
	APIToken       string        `name:"api-token" placeholder:"TOKEN" help:"One operator token, in place of --api-tokens. Use the environment variable: every user of the machine can read the command line."`
	AuditLog       string        `type:"path" placeholder:"FILE" help:"Append who asked for which revocation, and what came of it, to this file: a line of JSON for each call, each with the hash of the one before. It names people, and only its owner may read it. A call never waits for it. Default: none."`
	APIJWKS        string        `name:"api-jwks" placeholder:"FILE|URL" help:"Keys of the issuer whose JWTs are API tokens too. Their scopes revocast:read, revocast:own, revocast:revoke, revocast:operate are the rights. Needs the two below."`
	APIIssuer      string        `name:"api-issuer" placeholder:"ISS" help:"Issuer of these JWTs."`
	APIAudience    string        `name:"api-audience" placeholder:"AUD" help:"Audience that names this service in these JWTs."`
	InsecureNoAuth bool          `name:"insecure-no-auth" help:"Let everybody revoke. Without it one of the two above is required."`
	RequestTimeout time.Duration `default:"5s" help:"How long a request waits for its strength before it is answered 202, a duration. Default: ${default}."`
	NATSReplicas   int           `name:"nats-replicas" default:"1" placeholder:"N" help:"Replicas of the streams when they are made, or made again because they were lost: 1, or 3 in a cluster. Default: ${default}."`
	Class          []string      `placeholder:"NAME" sep:"," help:"Classes of workers that are let in, beside default; each has its own users at NATS and Redis. 1 to 64 of A-Z a-z 0-9 _ -. Default: no other."`
	Canary         time.Duration `default:"10s" help:"How often one publisher of the realm revokes a token that nobody has, to measure how long that takes: a duration; 0s: never. Each is an event in the stream; /v1/events leaves them out. Default: ${default}."`
	RecoverEmpty   bool          `help:"Also refill from JetStream a Redis that holds nothing of the realm and that no running publisher has seen serving it. If it is the wrong one, the right one is fenced. Default: refuse, until somebody runs publisher repair."`

	wiring.HTTPFlags
	wiring.DrainFlags
	wiring.TLSFlags     `group:"TLS"`
	wiring.StoreFlags   `group:"Stores"`
	wiring.NamesFlags   `group:"Stores"`
	wiring.NameKeyFlags `group:"Stores"`
	wiring.TokenFlags   `group:"Tokens"`
	wiring.LogFlags     `group:"Log"`
}

// Help implements kong's HelpProvider.
func (c *serveCmd) Help() string {
	return "Keys (--jwks and its like) are needed for POST /v1/logout alone, which ends the session of a " +
		"token that it is shown.\n\n" +
		"A running publisher mends what it sees happen: a Redis that is restarted, promoted or emptied is " +
		"refilled from JetStream, a stream that is lost or cut short from Redis. " +
		"An empty Redis that no running publisher has seen serving the realm may be the wrong one: it is refused, " +
		"and /readyz says so, until somebody runs `publisher repair --from jetstream`.\n\n" +
		"A store that is away or refuses does not end it: it logs the reason once a minute, and tries again. " +
		"Without NATS revocations are committed and answered 202; without Redis it is not ready."
}

// Run serves until ctx ends. The group's members are interrupted in the order in which they are
// added: requests drain before the publisher that answers them stops.
func (c *serveCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	logger := c.Logger(streams.Err)
	api, file, err := c.api(logger)
	if err != nil {
		return err
	}
	tls, err := c.TLSFlags.Config(api.Tokens == nil && !api.Insecure && c.APIJWKS == "", logger)
	if err != nil {
		return err
	}
	signed, err := c.signedVerifier(logger)
	if err != nil {
		return err
	}
	if signed != nil {
		api.Signed = signed
	}
	verifier, err := c.logoutVerifier(logger)
	if err != nil {
		return err
	}
	ln, err := wiring.Listen(ctx, "--listen", c.Listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	api.Hosts = c.Hosts(ln.Addr(), api.Insecure)
	secrets, err := c.Secrets()
	if err != nil {
		return err
	}
	keys, err := c.Keys()
	if err != nil {
		return err
	}
	r, err := c.Open(ctx, wiring.OpenOptions{
		Name: c.Name, Logger: logger, Patient: true, Names: secrets, NameKeys: keys,
	})
	if err != nil {
		return err
	}
	defer r.Close()
	m := metrics.NewFor(c.Realm)
	p, err := r.Publisher(publisher.Options{
		Classes: c.Class, StreamReplicas: c.NATSReplicas, RecoverEmpty: c.RecoverEmpty, Logger: logger,
	})
	if err != nil {
		return err
	}
	if err := p.Prepare(ctx); err != nil {
		return err
	}

	var trail *auditlog.Log
	if c.AuditLog != "" {
		if trail, err = auditlog.Open(c.AuditLog, auditlog.Options{Realm: c.Realm, Logger: logger}); err != nil {
			return err
		}
		m.AddAuditLog(trail.Lost)
		api.OnWrite = func(w publisherapi.Write) { trail.Append(recordOf(c.Realm, w)) }
	}

	var g run.Group
	g.Add(serving.Stopper(ctx))
	{
		c.addMetrics(m, &api, p, r)
		deps := publisherapi.Deps{Publisher: p.Publisher, Ready: p.Ready, Metrics: m.Handler()}
		if verifier != nil {
			deps.Verifier = verifier
		}
		handler := publisherapi.New(deps, api)
		server := serving.NewHTTPServer(c.Limit(ln), handler, tls, logger)
		server.OnDrain(handler.Drain)
		server.OnLeave(handler.Leave)
		server.DelayDrain(c.Delay(ctx))
		g.Add(server.Serve, server.Drain)
	}
	for _, v := range []*token.Verifier{verifier, signed} {
		if v != nil {
			g.Add(serving.Actor(v.Run))
		}
	}
	if c.Canary > 0 {
		m.ObserveCanary()
		g.Add(serving.Actor(canary.New(p, r.Ledger(), c.Canary, m.Canary, logger).Run))
	}
	if file != nil {
		g.Add(serving.Actor(file.Run))
	}
	if trail != nil {
		g.Add(serving.Actor(trail.Run))
	}
	{
		g.Add(serving.Actor(p.Run))
	}
	logger.Info("publisher starts", "listen", ln.Addr().String(), "realm", c.Realm, "version", wiring.Version())
	return g.Run()
}

// api says who may call, and refuses to leave that open by accident. file is nil if no file says it.
func (c *serveCmd) api(logger *slog.Logger) (o publisherapi.Options, file *apitoken.File, err error) {
	o = publisherapi.Options{
		Insecure: c.InsecureNoAuth, RequestTimeout: c.RequestTimeout, MaxBearer: c.MaxBearer, Logger: logger,
	}
	switch {
	case c.APITokens != "" && c.APIToken != "":
		return o, nil, wiring.Usage("give --api-tokens or an API token (REVOCAST_API_TOKEN), not both")
	case c.APITokens != "":
		file, err = apitoken.Open(c.APITokens, logger)
		o.Tokens = file
	case c.APIToken != "":
		o.Tokens, err = apitoken.One(c.APIToken)
		if len(c.APIToken) < apitoken.MinSecret {
			logger.Warn("the API token can be guessed: `publisher token NAME` makes one that cannot", "bytes",
				len(c.APIToken), "want", apitoken.MinSecret)
		}
	case !c.InsecureNoAuth && c.TLSClientCA == "" && c.APIJWKS == "":
		return o, nil, wiring.WithHint(errors.New("nobody could call this service: there is no API token"),
			"name a file with --api-tokens, or set REVOCAST_API_TOKEN, or let client certificates in with "+
				"--tls-client-ca, or JWTs with --api-jwks, or everybody with --insecure-no-auth")
	}
	return o, file, err
}

// signedVerifier returns nil if no JWT is an API token.
func (c *serveCmd) signedVerifier(logger *slog.Logger) (*token.Verifier, error) {
	if c.APIJWKS == "" {
		return nil, nil
	}
	source, err := token.JWKS(c.APIJWKS, token.SourceOptions{Logger: logger})
	if err != nil {
		return nil, err
	}
	return token.New(source, token.Options{
		Issuers: []string{c.APIIssuer}, Audiences: []string{c.APIAudience}, MaxBearer: c.MaxBearer,
		Scopes: []revocast.Scope{revocast.ScopePrincipal},
	})
}

// logoutVerifier returns nil if no keys are named: POST /v1/logout then says so.
func (c *serveCmd) logoutVerifier(logger *slog.Logger) (*token.Verifier, error) {
	if !c.Given() {
		return nil, nil
	}
	if len(c.Audience) == 0 {
		// Anybody who has a token of the issuer may end it, whichever service it is meant for.
		c.AnyAudience = true
	}
	return c.Verifier(logger)
}

// addMetrics adds the parts to m, and makes api count in it.
func (c *serveCmd) addMetrics(m *metrics.Metrics, api *publisherapi.Options, p *realm.Publisher, r *realm.Realm) {
	m.AddBuild(wiring.Version())
	m.ObserveRevocations()
	m.ObserveRequests()
	m.AddWritePath(p.Publisher)
	m.AddSuited(p.Suited)
	m.AddBus(r.Bus())
	m.AddRestoreSkipped(r.Ledger().Skipped)
	api.OnReceipt, api.OnRequest = m.Receipt, m.Request
}

// Validate is called by kong.
func (c *serveCmd) Validate() error {
	if some := c.APIJWKS + c.APIIssuer + c.APIAudience; some != "" &&
		(c.APIJWKS == "" || c.APIIssuer == "" || c.APIAudience == "") {
		return wiring.Usage("--api-jwks, --api-issuer and --api-audience: give all three or none")
	}
	if c.RequestTimeout <= 0 || c.RequestTimeout > maxTimeout {
		return fmt.Errorf("--request-timeout %s: want more than 0s, at most %s", c.RequestTimeout, maxTimeout)
	}
	if c.Canary < 0 || c.Canary > 0 && c.Canary < time.Second {
		return fmt.Errorf("--canary %s: want at least 1s, or 0s for none", c.Canary)
	}
	return cmp.Or(c.HTTPFlags.Check(), c.DrainFlags.Check())
}
