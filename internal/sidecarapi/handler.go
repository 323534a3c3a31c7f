package sidecarapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/hosts"
	"github.com/revocast/revocast/internal/problem"
	"github.com/revocast/revocast/internal/unread"
	"github.com/revocast/revocast/worker"
)

// Guard decides; see [worker.Guard].
type Guard interface {
	Check(ctx context.Context, bearer string) (*revocast.Claims, revocast.Verdict)
}

// Deps are the parts that the interface needs.
type Deps struct {
	Guard Guard // required; its policy holds for requests that choose none
	// WithPolicy returns the same guard with another policy, see [Policies]; nil: no
	// request may choose one.
	WithPolicy func(worker.Policy) Guard

	Ready   func() error // required; nil while ready, else the reason, as in [port.Readiness.Err]
	Metrics http.Handler // what /metrics serves; nil: 404
}

// Options tune the interface; the zero value works.
type Options struct {
	// Cookie names a cookie that holds the token. Default: none; the token stands in
	// Authorization.
	Cookie string
	// Header names a header that holds the token and nothing else. Default: none. At
	// most one of Cookie and Header may be given; Header wins.
	Header string
	// Policy is the guard's own policy, and the laxest that a request may choose: see the package
	// documentation. Default: ask.
	Policy worker.Policy
	// Hosts are the hosts that requests may name, except for /check: gateways send the host of the
	// request that they ask about. Nil: all.
	Hosts *hosts.Allowed
	// Logger gets panics. Default [slog.Default].
	Logger *slog.Logger
}

// Handler is the interface. It is safe for concurrent use and starts no goroutine.
type Handler struct {
	deps    Deps
	hosts   *hosts.Allowed
	bearer  func(*http.Request) (string, error)
	guards  guards
	answers answers
	whole   http.Handler
	leaving atomic.Bool
}

// New returns the interface.
func New(d Deps, o Options) *Handler {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	h := &Handler{
		deps: d, hosts: o.Hosts, bearer: bearerFrom(o), guards: newGuards(d, o.Policy), answers: newAnswers(),
	}
	h.whole = unread.Handler(problem.Recover(o.Logger, http.HandlerFunc(h.route)))
	return h
}

// Leave makes /readyz say that the worker is about to stop. Everything else is answered as
// before.
func (h *Handler) Leave() { h.leaving.Store(true) }

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.whole.ServeHTTP(w, r) }

// route is a switch and not a [http.ServeMux], which would redirect a path that a
// gateway has appended, such as /check/a//b.
func (h *Handler) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path == "/check" || strings.HasPrefix(path, "/check/") {
		h.check(w, r)
		return
	}
	if foreign := h.hosts.Refuse(r); foreign != nil {
		problem.Write(w, foreign)
		return
	}
	switch {
	case path == "/v1/verdict":
		only(h.verdict, http.MethodPost)(w, r)
	case path == "/healthz":
		only(h.health, http.MethodGet, http.MethodHead)(w, r)
	case path == "/readyz":
		only(h.ready, http.MethodGet, http.MethodHead)(w, r)
	case path == "/metrics" && h.deps.Metrics != nil:
		only(h.deps.Metrics.ServeHTTP, http.MethodGet, http.MethodHead)(w, r)
	default:
		problem.Write(w, problem.NotFound())
	}
}

// only answers 405 to all methods but these.
func only(next http.HandlerFunc, methods ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, m := range methods {
			if r.Method == m {
				next(w, r)
				return
			}
		}
		w.Header().Set("Allow", strings.Join(methods, ", "))
		problem.Write(w, problem.MethodNotAllowed(r.Method))
	}
}

func (h *Handler) health(w http.ResponseWriter, _ *http.Request) {
	apitypes.Write(w, http.StatusOK, apitypes.Health{Status: "ok"})
}

func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) {
	if h.leaving.Load() {
		problem.Write(w, problem.NotReady("stopping"))
		return
	}
	if err := h.deps.Ready(); err != nil {
		problem.Write(w, problem.NotReady(err.Error()).WithoutAddresses())
		return
	}
	apitypes.Write(w, http.StatusOK, apitypes.Health{Status: "ready"})
}

// verdict answers 200 for every verdict, Unknown included: the caller reads the answer and not
// the status.
func (h *Handler) verdict(w http.ResponseWriter, r *http.Request) {
	var req apitypes.Check
	if err := apitypes.ReadRequest(w, r, &req); err != nil {
		problem.Write(w, problem.From(err))
		return
	}
	guard, err := h.guards.choose(req.Policy)
	if err != nil {
		problem.Write(w, problem.From(err))
		return
	}
	claims, v := guard.Check(r.Context(), req.Token)
	answer := apitypes.NewVerdict(claims, v)
	answer.Detail = problem.WithoutAddresses(answer.Detail)
	apitypes.Write(w, http.StatusOK, answer)
}
