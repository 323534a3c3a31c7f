package session

import (
	"context"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
)

// Login is what a session is made of. See the limits, such as [MaxUserAgent].
type Login struct {
	Principal string // required
	Tenant    string
	Device    string // as the user knows it: "Firefox on Linux"
	IP        string
	UserAgent string
	Data      map[string]string // the caller's own; may be changed later

	// ID is the sid, where it was chosen elsewhere: by an identity provider, or for the tokens of
	// the same login. It must be unique per issuer for ever, since an ended session stays revoked
	// under it. Empty: 128 random bits.
	ID string

	// AuthTime is when the user authenticated. Empty: now. Say it where that was earlier, at an
	// identity provider, or before a password was looked up: the login is refused ([ErrCutOff]) if
	// the principal was logged out everywhere since. A time in the future counts as now; where the
	// clock is behind Redis', the user must try again for that long after such a logout.
	AuthTime time.Time

	// OnLogin is the policy for this login; zero: the store's.
	OnLogin Policy
}

// Issued is a session and the token that was made for it.
type Issued struct {
	Session
	// Token is seen this once. Put it into a cookie that is HttpOnly, Secure and SameSite; never log it.
	Token    string
	Receipts []revocast.Receipt // of what the call ended
}

// Create makes a session and returns it with its token.
//
// What the login ends (see [Options].Cap and [Policy]) is decided in the same step and told to the
// fleet before Create returns; the receipts say how far it got. With an outbox.ErrOwed or
// [revocast.ErrPending] the session and its token are good all the same. Other errors:
// [revocast.ErrInvalid], [ErrExists], [ErrCutOff], [revocast.ErrUnavailable]; after
// [revocast.ErrOutcomeUnknown] there may be a session whose token nobody has, which goes when it
// has been idle.
func (s *Store) Create(ctx context.Context, l Login,
	opts ...revocast.CallOption,
) (Issued, error) {
	if err := l.check(); err != nil {
		return Issued{}, err
	}
	reason, initiator, err := s.why(replaced, byPolicy)
	if err != nil {
		return Issued{}, err
	}
	if l.ID == "" {
		l.ID = secret.NewID()
	}
	token := secret.New()
	f, err := s.run(ctx, createScript, s.creation(l, secret.Hash(token), reason, initiator)...)
	if err != nil {
		return Issued{}, err
	}
	receipts, err := s.tell(ctx, f.owed, opts)
	return Issued{f.Session, token, receipts}, err
}

func (s *Store) creation(l Login, hash, reason, initiator string) []any {
	policy, auth := l.OnLogin, int64(0)
	if policy == 0 {
		policy = s.o.OnLogin
	}
	if !l.AuthTime.IsZero() {
		auth = l.AuthTime.UnixMilli()
	}
	args := []any{
		s.sessionKey(l.ID), s.principalKey(l.Principal), hash,
		s.o.Idle.Milliseconds(), s.o.Lifetime.Milliseconds(), auth, policy.name(), s.o.Cap,
		l.ID, l.Principal, l.Tenant, l.Device, l.IP, l.UserAgent, s.o.Issuer, reason, initiator,
	}
	for field, value := range l.Data {
		args = append(args, field, value)
	}
	return args
}
