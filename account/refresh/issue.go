package refresh

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
)

// MaxData is how many bytes scope and own data of a family may have, as JSON.
const MaxData = 16 << 10

// Grant is a login that starts a family.
type Grant struct {
	Principal string // required
	Tenant    string
	Client    string
	// Session is the sid that its access tokens bear. Empty: a new one.
	Session string
	// AuthTime is when the principal logged in; a time that Redis' clock has not reached is
	// now. Zero: now, and later than anything that was revoked of the principal here. An
	// earlier login makes the family end earlier.
	AuthTime time.Time
	Scope    string
	Data     map[string]string // the caller's own
}

// Issue starts a family and returns its first token.
//
// It fails with [ErrEnded] where all of the principal was revoked here after AuthTime: the
// login and the revocation have raced, and the user logs in again. It fails with
// [ErrExpired] where AuthTime is longer ago than a family lasts.
func (s *Store) Issue(ctx context.Context, g Grant) (Token, error) {
	data, err := g.check()
	if err != nil {
		return Token{}, err
	}
	if g.Session == "" {
		g.Session = secret.NewID()
	}
	t := first()
	packed := body(Family{
		Principal: g.Principal, Session: g.Session, Tenant: g.Tenant, Client: g.Client, Scope: g.Scope,
	}, data)
	a, err := s.answer(s.db.Run(ctx, issueScript, t.id(), t.hash(), s.who(g.Principal),
		s.key(revocast.ScopeTenant, g.Tenant), s.key(revocast.ScopeClient, g.Client), g.Session, packed,
		milli(g.AuthTime), s.o.Lifetime.Milliseconds(), s.o.Idle.Milliseconds()))
	if err != nil {
		return Token{}, err
	}
	switch a.status {
	case "ok":
		return Token{Text: s.mints[0].text(t), Family: a.family}, nil
	case "revoked":
		return Token{}, fmt.Errorf("%w: everything since this login", ErrEnded)
	case "expired":
		return Token{}, ErrExpired
	}
	return Token{}, unexpected(a)
}

// check refuses what could not be revoked later, and returns the data as kept.
func (g *Grant) check() (data string, err error) {
	if err := checkText("principal", g.Principal, revocast.MaxID); err != nil {
		return "", err
	}
	for field, id := range map[string]string{"tenant": g.Tenant, "client": g.Client, "session": g.Session} {
		if id == "" {
			continue
		}
		if err := checkText(field, id, revocast.MaxID); err != nil {
			return "", err
		}
	}
	if !g.AuthTime.IsZero() && g.AuthTime.UnixMilli() <= 0 {
		return "", fmt.Errorf("%w: a login at %s", revocast.ErrInvalid, g.AuthTime.UTC().Format(time.RFC3339))
	}
	if data, err = encode(g.Data); err != nil {
		return "", err
	}
	if n := len(g.Scope) + len(data); n > MaxData {
		return "", fmt.Errorf("%w: scope and data have %d bytes, at most %d are allowed", revocast.ErrInvalid, n,
			MaxData)
	}
	return data, nil
}

func encode(data map[string]string) (string, error) {
	if len(data) == 0 {
		return "", nil
	}
	text, err := json.Marshal(data)
	if err != nil {
		return "", fmt.Errorf("%w: data: %w", revocast.ErrInvalid, err)
	}
	return string(text), nil
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
