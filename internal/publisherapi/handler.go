package publisherapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/hosts"
	"github.com/revocast/revocast/internal/problem"
	"github.com/revocast/revocast/internal/unread"
	"github.com/revocast/revocast/port"
)

// Deps are the parts that the interface needs.
type Deps struct {
	Publisher Publisher    // required
	Ready     func() error // required; nil while ready, else the reason, as in [port.Readiness.Err]

	Verifier LogoutVerifier // nil: /v1/logout answers 501
	Metrics  http.Handler   // what /metrics serves; nil: 404
	Demo     DemoIssuer     // nil: no /dev/login and no JWKS; only `publisher dev` has them
}

// Options tune the interface. The zero value refuses everyone.
type Options struct {
	// Tokens are the API tokens that are accepted; nil: none.
	Tokens Tokens
	// Signed verifies JWTs that are API tokens, whose scopes are rights; nil: none. It has to require this
	// service's own audience.
	Signed port.Verifier
	// Insecure lets everyone in. Only for a listener on loopback.
	Insecure bool
	// Hosts are the hosts that requests may name; nil: all. A web page in a browser on this machine
	// could send requests that name others. Set it together with Insecure, unless the listener is
	// meant for others.
	Hosts *hosts.Allowed

	// Refusals is how many requests with a wrong API token each address may send a second, and ten
	// times as many logouts with a wrong token; beyond them the answer is 429. Default 10.
	Refusals int

	// RequestTimeout is how long a request that writes waits for its strength.
	// Default 5 s.
	RequestTimeout time.Duration
	// MaxWait caps the parameter wait. Default 30 s. The server's WriteTimeout has to
	// be longer.
	MaxWait time.Duration
	// LastWait is how long requests may still wait once the service drains. They are then
	// answered with the strength that has been reached. Default 5 s. The server must give its
	// last requests more time than that.
	LastWait time.Duration

	// MaxBearer is the longest token, in bytes, that /v1/logout reads; the verifier has its own
	// limit. Default [port.MaxBearer].
	MaxBearer int

	// Heartbeat is how often an idle event stream gets a comment, so that proxies
	// keep it and a dead client is noticed. Default 15 s.
	Heartbeat time.Duration
	// SlowClient is how long one write to an event stream may take before the client
	// is dropped; it resumes with Last-Event-ID. Default 10 s.
	SlowClient time.Duration
	// MaxStreams is how many event streams are served at a time. Default 128.
	MaxStreams int

	// Logger gets errors and, at debug level, every request, without ids and tokens. Default
	// [slog.Default].
	Logger *slog.Logger
	// OnReceipt is told of each receipt that reached the strength asked for, with the
	// time it took; for metrics. Optional.
	OnReceipt func(s revocast.Strength, took time.Duration)
	// OnWrite is told of each call that writes, after it was answered, and of those that were
	// refused: of these without an API token or a right to read, one a second for each address.
	// Optional.
	OnWrite func(Write)
	// OnRequest is told of each request: the path's pattern, the status, the time.
	// Optional.
	OnRequest func(route string, status int, took time.Duration)
}

func (o Options) withDefaults() Options {
	o.RequestTimeout = orDefault(o.RequestTimeout, 5*time.Second)
	o.MaxWait = orDefault(o.MaxWait, 30*time.Second)
	o.LastWait = orDefault(o.LastWait, 5*time.Second)
	o.Heartbeat = orDefault(o.Heartbeat, 15*time.Second)
	o.SlowClient = orDefault(o.SlowClient, 10*time.Second)
	if o.MaxBearer <= 0 {
		o.MaxBearer = port.MaxBearer
	}
	if o.Refusals <= 0 {
		o.Refusals = 10
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = 128
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.OnReceipt == nil {
		o.OnReceipt = func(revocast.Strength, time.Duration) {}
	}
	if o.OnRequest == nil {
		o.OnRequest = func(string, int, time.Duration) {}
	}
	return o
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// Handler is the interface. It is safe for concurrent use and starts no goroutine
// that outlives its request.
type Handler struct {
	deps    Deps
	o       Options
	routes  []route
	whole   http.Handler
	streams chan struct{} // one element for each event stream that is open

	refusals *limit // of API tokens
	logouts  *limit // of tokens that are shown in order to be ended

	leaving  atomic.Bool // set by Leave
	drain    sync.Once
	draining chan struct{}   // closed by Drain
	late     context.Context // ends LastWait after Drain
	tooLate  context.CancelFunc
}

// New returns the interface. It does nothing until it is served.
func New(d Deps, o Options) *Handler {
	o = o.withDefaults()
	h := &Handler{deps: d, o: o, streams: make(chan struct{}, o.MaxStreams), draining: make(chan struct{})}
	h.refusals, h.logouts = newLimit(o.Refusals), newLimit(10*o.Refusals)
	h.late, h.tooLate = context.WithCancel(context.Background())
	h.routes = h.table()
	h.whole = unread.Handler(http.HandlerFunc(h.observe))
	return h
}

// Leave makes /readyz say that the service is about to stop. Everything else is answered as
// before.
func (h *Handler) Leave() { h.leaving.Store(true) }

// Drain does what Leave does, and ends the event streams. Requests that wait for confirmation get
// [Options.LastWait] more. [http.Server.Shutdown] waits for requests to end, and these would end
// too late or never: register Drain with [http.Server.RegisterOnShutdown].
func (h *Handler) Drain() {
	h.drain.Do(func() {
		h.Leave()
		close(h.draining)
		time.AfterFunc(h.o.LastWait, h.tooLate)
	})
}

// waiting returns a context that bounds how long a request waits: it ends after wait, or with
// the last wait of a service that stops.
func (h *Handler) waiting(parent context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(parent, wait)
	stop := context.AfterFunc(h.late, cancel)
	return ctx, func() { stop(); cancel() }
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.whole.ServeHTTP(w, r) }

// observe answers r and reports it to the log and the metrics.
func (h *Handler) observe(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	found := h.find(r)
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		took := time.Since(start)
		h.o.OnRequest(found.pattern, rec.status, took)
		h.o.Logger.Debug("request", "method", r.Method, "route", found.pattern, "status", rec.status, "took",
			took, "remote", r.RemoteAddr)
	}()
	problem.Recover(h.o.Logger, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.serve(w, r, found)
	})).ServeHTTP(rec, r)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, m match) {
	if foreign := h.o.Hosts.Refuse(r); foreign != nil {
		problem.Write(w, foreign)
		return
	}
	if other := r.Header.Get(apitypes.RealmHeader); other != "" && other != h.deps.Publisher.Realm() {
		problem.Write(w, otherRealm(other))
		return
	}
	if m.handle == nil {
		if m.allow != "" {
			w.Header().Set("Allow", m.allow)
		}
		problem.Write(w, m.refusal)
		return
	}
	r, v := withVisit(r)
	if !m.open && !h.admit(w, r) {
		return
	}
	err := m.handle(w, r, m.args)
	if err != nil {
		h.fail(w, r, err)
	}
	h.wrote(v, err)
}

// otherRealm refuses a request that is meant for another realm. Its revocations would take effect
// nowhere, and its questions would be answered as if nobody were revoked.
func otherRealm(want string) *problem.Problem {
	return problem.From(fmt.Errorf(
		"%w: the request is for the realm %q, and this publisher serves another", revocast.ErrConflict, clip(want),
	)).
		WithHint("check the URL, and the realm that the client was given")
}

// fail answers with err as a problem.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.From(err)
	switch {
	case p.Status == http.StatusInternalServerError:
		h.o.Logger.Error("request failed", "method", r.Method, "err", err)
	case p.Status > http.StatusInternalServerError:
		h.o.Logger.Warn("request failed", "method", r.Method, "problem", p.Type, "err", err)
	}
	if v := visitOf(r); v == nil || v.caller.id == "" { // nobody that is known
		p = p.WithoutAddresses()
	}
	if p.Status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	problem.Write(w, p)
}

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
