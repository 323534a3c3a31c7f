package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/publisher"
)

// service is the login service: the one that issues tokens and ends them.
type service struct {
	*parts
	*node
	publisher *publisher.Publisher
	families  *refresh.Store
	resets    *reset.Reset
	mail      func(format string, a ...any) // queues one
	log       *slog.Logger

	adminToken string
	ipHeader   string
	proxies    int
	confirm    time.Duration
}

// newService completes the parts: the guard checks what is refreshed.
func newService(
	f Flags, p *parts, n *node, publisher *publisher.Publisher, mails *mailer, log *slog.Logger,
) (*service, error) {
	s := &service{
		parts: p, node: n, publisher: publisher, mail: mails.send, log: log,
		adminToken: f.AdminToken, ipHeader: f.ClientIP, proxies: max(1, f.Proxies), confirm: f.Confirm,
	}
	o := p.refresh
	o.Check = n.guard.CheckClaims
	var err error
	if s.families, err = refresh.New(p.box, o); err != nil {
		return nil, err
	}
	s.resets, err = p.newReset(log, p.setPassword(""))
	return s, err
}

// routes are the service's paths. Requests that change something and come from another site are
// refused: browsers say in a header where a request comes from. The cookies are also missing from
// other sites' POSTs.
func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	user := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, s.guard.Middleware(h)) }

	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /refresh", s.refreshTokens)
	mux.HandleFunc("POST /logout", s.logout)
	user("POST /logout-others", s.reauthenticated(s.logoutOthers))
	user("POST /logout-all", s.reauthenticated(s.logoutAll))
	user("GET /me", s.me)
	user("GET /sessions", s.listSessions)
	user("DELETE /sessions/{id}", s.reauthenticated(s.endSession))
	user("POST /mail", s.changeMail)
	user("DELETE /account", s.reauthenticated(s.deleteAccount))
	user("POST /password", s.changePassword)
	mux.HandleFunc("POST /password-reset/request", s.requestReset)
	mux.HandleFunc("POST /password-reset/confirm", s.confirmReset)
	mux.Handle("POST /admin/ban/{principal}", s.admin(s.ban))
	mux.Handle("DELETE /admin/ban/{principal}", s.admin(s.unban))
	mux.HandleFunc("GET /.well-known/jwks.json", s.jwks)
	mux.HandleFunc("GET /readyz", s.readyz)
	return http.NewCrossOriginProtection().Handler(mux)
}

// confirming bounds how long an answer waits for the fleet. Whatever is decided by then takes
// effect by itself.
func (s *service) confirming(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), s.confirm)
}

// asking bounds requests to Redis that need not wait for the fleet. It is shorter than the grace
// of refresh tokens, so a token that was good when a request began is not taken for stolen when
// it ends.
func asking(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, refresh.DefaultGrace/2)
}

// address is where a request comes from.
func (s *service) address(r *http.Request) netip.Addr {
	if s.ipHeader != "" {
		addr, _ := limit.Forwarded(r.Header.Values(s.ipHeader), s.proxies)
		return addr // not valid: refused by the limiter
	}
	addr, _ := limit.ParseAddress(r.RemoteAddr)
	return addr
}

func (s *service) jwks(w http.ResponseWriter, _ *http.Request) {
	set, err := s.issuer.JWKS()
	if err != nil {
		s.unavailable(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(set) // the client has gone
}

// clip shortens what a client sent to what a session may carry.
func clip(text string, most int) string {
	text = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text), "")
	for len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

func newAdminToken() string { return rand.Text() }
