package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// holder is somebody who is logged in: by a token, or by an opaque session.
type holder struct {
	number  int
	text    string // the bearer token, or the session's id
	session bool
	claims  *revocast.Claims
	keys    revocast.Keys
	born    time.Duration // when it logged in
	version int           // of the session's data; under the world's lock
	shown   bool          // somebody has accepted it; under the world's lock
}

// String names the holder.
func (h *holder) String() string { return h.text }

func (w *world) login(s Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, issued := len(w.holders), time.Now().Add(w.s.Clocks.Issuer)
	who := s.What % 2
	claims := &revocast.Claims{
		Issuer: issuer, Principal: fmt.Sprint("p", who), Session: fmt.Sprintf("s%d-%d", who, s.How%3),
		TokenID: fmt.Sprint("t", n),
		Client:  fmt.Sprint("c", s.How/3%2), Tenant: fmt.Sprint("n", s.How/6%2), KeyID: fmt.Sprint("k", s.How/12%2),
		IssuedAt: issued, Expires: time.Now().Add(24 * time.Hour),
	}
	w.holdLocked(&holder{text: fmt.Sprint("token", n), claims: claims})
	if s.How/24%3 == 0 {
		id := fmt.Sprint("session", n)
		w.holdLocked(&holder{text: id, session: true, claims: &revocast.Claims{
			Issuer: issuer, Principal: claims.Principal, Session: id, IssuedAt: claims.IssuedAt,
			Expires: claims.Expires,
		}})
	}
}

func (w *world) holdLocked(h *holder) {
	h.born = w.now()
	h.number, h.keys = len(w.holders), revocast.KeysOf(realm, h.claims)
	w.holders = append(w.holders, h)
}

// holder returns somebody who is logged in, nil if there is nobody yet.
func (w *world) holder(what int) *holder {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.holders) == 0 {
		return nil
	}
	return w.holders[what%len(w.holders)]
}

func (w *world) findLocked(text string) *holder {
	for _, h := range w.holders {
		if h.text == text {
			return h
		}
	}
	return nil
}

// verifier knows every token.
type verifier struct{ w *world }

// Verify implements [port.Verifier].
func (v verifier) Verify(_ context.Context, bearer string) (*revocast.Claims, error) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	if h := v.w.findLocked(bearer); h != nil {
		return h.claims, nil
	}
	return nil, revocast.ErrMalformed
}

// dataVersion is the name of the version among a session's data.
const dataVersion = "version"

// loadSession asks the service's own store for a session, which takes a while.
func (p *process) loadSession(ctx context.Context, id string) (*revocast.Claims, error) {
	p.gate()
	x := p.draw(id)
	time.Sleep(x.upTo(2 * time.Millisecond))
	p.w.mu.Lock()
	h := p.w.findLocked(id)
	if h == nil {
		p.w.mu.Unlock()
		return nil, revocast.ErrNotFound
	}
	claims := *h.claims
	claims.Issuer, claims.Session, claims.Extra = "", "", map[string]any{dataVersion: h.version}
	p.w.mu.Unlock()
	time.Sleep(x.upTo(2 * time.Millisecond))
	p.gate()
	return &claims, ctx.Err()
}
