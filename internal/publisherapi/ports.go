package publisherapi

import (
	"context"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// Publisher is the write path as the interface needs it; a [publisher.Publisher] is one, and
// its methods say what these mean.
type Publisher interface {
	Realm() string
	Terms(context.Context) (port.Terms, error)

	Revoke(context.Context, revocast.Revocation, ...revocast.CallOption) (revocast.Receipt, error)
	RevokeBatch(context.Context, []revocast.Revocation, ...revocast.CallOption) ([]revocast.Receipt, error)
	Logout(context.Context, *revocast.Claims, ...revocast.CallOption) (revocast.Receipt, error)
	PasswordChanged(context.Context, revocast.PasswordChange, ...revocast.CallOption) (revocast.Receipt, error)
	Ban(context.Context, revocast.Ban, ...revocast.CallOption) (revocast.Receipt, error)
	Unban(context.Context, revocast.Ban, ...revocast.CallOption) (revocast.Receipt, error)
	Invalidate(context.Context, revocast.Invalidation, ...revocast.CallOption) (revocast.Receipt, error)

	Preview(context.Context, []revocast.Revocation) (publisher.Preview, error)
	Bans(ctx context.Context, cursor string) (publisher.BanPage, error)
	Who(ctx context.Context, keys []revocast.Key) ([]publisher.NamedKey, error)
	KeyFor(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.Key, error)

	Await(context.Context, revocast.Position) (revocast.Receipt, error)
	Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error)
	Fleet(context.Context) (publisher.FleetStatus, error)

	Tip(context.Context) (revocast.Position, error)
	Watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error
}

// LogoutVerifier verifies the signature and the issuer of a token that is to be ended. It ignores
// exp and nbf: the session of an expired token may live on, and a token that is not valid yet
// must be revocable too. It fails like a [port.Verifier].
type LogoutVerifier interface {
	VerifyForLogout(ctx context.Context, bearer string) (*revocast.Claims, error)
}

// DemoIssuer makes the tokens of /dev/login.
type DemoIssuer interface {
	// Login starts a session of the principal and returns a token of it that lives
	// this long.
	Login(ctx context.Context, principal string) (token, session string, life time.Duration, err error)
	// JWKS returns the public keys (RFC 7517 §5).
	JWKS() ([]byte, error)
}
