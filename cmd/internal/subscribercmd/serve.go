package subscribercmd

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"

	"github.com/oklog/run"

	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/cmd/internal/metrics"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/internal/sidecarapi"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/worker"
)

type serveCmd struct {
	Listen      string `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Address to answer on; :8081 is every address of this machine. Callers are not authenticated: only the worker should reach it. Default: ${default}."`
	Class       string `default:"default" placeholder:"NAME" help:"Class of this worker: workers that share their rights at both stores; 1 to 64 of A-Z a-z 0-9 _ -. Default: ${default}."`
	Worker      string `placeholder:"NAME" help:"Name of this worker in status: 1 to 64 of A-Z a-z 0-9 _ . -. Default: host name and process id."`
	Policy      string `default:"ask" placeholder:"ask|closed|grace=DURATION" help:"What to do when the lease is gone: ask Redis for each check, answer unknown, or trust memory for this much longer, outside the guarantee. A request may choose another: /check?policy=closed, ask, or grace up to this. Default: ${default}."`
	MaxAsks     int    `name:"max-asks" default:"4" placeholder:"N" help:"Questions to Redis under way at a time; checks that come meanwhile share the next one. Default: ${default}."`
	Cache       int    `default:"100000" placeholder:"N" help:"Tokens kept in the session cache; the least recently used go first. Default: ${default} tokens."`
	Revocations int    `default:"1000000" placeholder:"N" help:"Live revocations kept in memory; beyond them a cache miss asks Redis. None is ever dropped to make room. Default: ${default}."`
	Cookie      string `placeholder:"NAME" xor:"bearer" help:"Cookie that holds the token for /check. Default: the Authorization header."`
	Header      string `placeholder:"NAME" xor:"bearer" help:"Header that holds the token for /check. Default: Authorization."`

	wiring.HTTPFlags
	wiring.DrainFlags
	wiring.TokenFlags `group:"Tokens"`
	wiring.StoreFlags `group:"Stores"`
	wiring.NamesFlags `group:"Stores"`
	wiring.TLSFlags   `group:"TLS"`
	wiring.LogFlags   `group:"Log"`
}

// Validate is called by kong: a wrong policy is a usage error.
func (c *serveCmd) Validate() error {
	if _, err := worker.ParsePolicy(c.Policy); err != nil {
		return err
	}
	if c.Cache < 1 || c.Revocations < 1 || c.MaxAsks < 1 {
		return wiring.Usage("--cache, --revocations and --max-asks: want at least 1")
	}
	if c.Cookie != "" && (&http.Cookie{Name: c.Cookie, Value: "x"}).Valid() != nil {
		return wiring.Usage("--cookie %q: no cookie can have this name", c.Cookie)
	}
	return cmp.Or(c.HTTPFlags.Check(), c.DrainFlags.Check())
}

// Run serves until ctx ends. The group's members are interrupted in the order in which they are
// added: requests drain first, and still see revocations until they have.
func (c *serveCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	logger := c.Logger(streams.Err)
	verifier, err := c.Verifier(logger)
	if err != nil {
		return err
	}
	tls, err := c.TLSFlags.Config(true, logger)
	if err != nil {
		return err
	}
	ln, err := wiring.Listen(ctx, "--listen", c.Listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	secrets, err := c.Secrets()
	if err != nil {
		return err
	}
	r, err := c.Open(ctx, wiring.OpenOptions{
		Name: "worker " + c.Worker, Logger: logger, Patient: true, Class: c.Class, Names: secrets,
	})
	if err != nil {
		return err
	}
	defer r.Close()
	view, err := cache.New(cache.Options{Entries: c.Cache, Revocations: c.Revocations})
	if err != nil {
		return err
	}
	w, err := r.Worker(verifier, c.options(view, logger))
	if err != nil {
		return err
	}

	var g run.Group
	g.Add(serving.Stopper(ctx))
	{
		handler := sidecarapi.New(sidecarapi.Deps{
			Guard: w.Guard, WithPolicy: sidecarapi.Policies(w.Guard),
			Ready: w.Ready, Metrics: c.metrics(w, r),
		}, sidecarapi.Options{
			Cookie: c.Cookie, Header: c.Header, Policy: c.policy(), Hosts: c.Hosts(ln.Addr(), false),
			Logger: logger,
		})
		server := serving.NewHTTPServer(c.Limit(ln), handler, tls, logger)
		server.OnLeave(handler.Leave)
		server.DelayDrain(c.Delay(ctx))
		g.Add(server.Serve, server.Drain)
	}
	{
		g.Add(serving.Actor(w.Run))
	}
	logger.Info("worker starts", "listen", ln.Addr().String(), "realm", c.Realm, "version", wiring.Version())
	return g.Run()
}

func (c *serveCmd) options(view port.View, logger *slog.Logger) worker.Options {
	return worker.Options{
		SubscriberOptions: worker.SubscriberOptions{Worker: c.Worker, Version: wiring.Version(), Logger: logger},
		Guard:             worker.GuardOptions{Policy: c.policy(), MaxAsks: c.MaxAsks, MaxBearer: c.MaxBearer},
		View:              view,
	}
}

// policy is the policy of requests that choose none. Validate has parsed it.
func (c *serveCmd) policy() worker.Policy {
	p, err := worker.ParsePolicy(c.Policy)
	if err != nil {
		return worker.Closed
	}
	return p
}

func (c *serveCmd) metrics(w *realm.Worker, r *realm.Realm) http.Handler {
	m := metrics.NewFor(c.Realm)
	m.AddBuild(wiring.Version())
	m.AddSubscriber(w.Subscriber())
	m.AddGuard(w.Stats)
	m.AddSuited(w.Suited)
	m.AddBus(r.Bus())
	return m.Handler()
}
