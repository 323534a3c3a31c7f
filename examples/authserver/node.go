package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

// node is what every process of the fleet has: a subscriber that hears what is revoked,
// and a guard that decides from memory.
type node struct {
	name       string
	subscriber *worker.Subscriber
	guard      *worker.Guard
}

func newNode(name string, r *realm.Realm, p *parts, logger *slog.Logger) (*node, error) {
	view, err := cache.New(cache.Options{})
	if err != nil {
		return nil, err
	}
	subscriber, err := worker.NewSubscriber(r.Ledger(), r.Bus(), view, worker.SubscriberOptions{
		Worker: name, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	guard, err := worker.NewGuard(subscriber, p.verifier, worker.GuardOptions{
		Bearer:      accessToken,
		LoadSession: p.sessions.Loader(),
	})
	if err != nil {
		return nil, err
	}
	return &node{name: name, subscriber: subscriber, guard: guard}, nil
}

// accessToken takes the token from the Authorization header, or else from the cookie. A request
// with both is refused (RFC 6750 §2): the browser adds the cookie by itself.
func accessToken(r *http.Request) (string, error) {
	bearer, err := token.FromRequest(r)
	if errors.Is(err, revocast.ErrMissingToken) {
		return fromAccessCookie(r)
	}
	if _, other := fromAccessCookie(r); !errors.Is(other, revocast.ErrMissingToken) {
		return "", fmt.Errorf("%w: one in Authorization and one in the cookie", revocast.ErrMalformed)
	}
	return bearer, err
}

// routes are a worker's paths: an API that checks every request.
func (n *node) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /me", n.guard.Middleware(http.HandlerFunc(n.me)))
	mux.HandleFunc("GET /readyz", n.readyz)
	return mux
}

// me says who the caller is.
func (n *node) me(w http.ResponseWriter, r *http.Request) {
	c, _ := worker.ClaimsFrom(r.Context())
	reply(w, http.StatusOK, map[string]any{
		"principal": c.Principal, "session": c.Session, "auth_time": c.AuthTime, "expires": c.Expires,
		"answered_by": n.name,
	})
}

func (n *node) readyz(w http.ResponseWriter, _ *http.Request) {
	if err := n.guard.Ready(); err != nil { // the verdict's reason is for the log, which has it
		problem(w, http.StatusServiceUnavailable, "not ready", "")
		return
	}
	reply(w, http.StatusOK, map[string]any{"ready": true})
}
