package publisherapi

import (
	"context"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/publisher"
)

// Call is what a request says about how it is to be carried out.
type Call struct {
	Strength    revocast.Strength // zero: confirmed
	Idempotency string            // empty: none
}

// Publisher is the write path as the interface needs it; [For] makes one of a
// [publisher.Publisher], whose methods say what these mean. What returns a receipt
// may return it beside [revocast.ErrPending].
type Publisher interface {
	Revoke(ctx context.Context, r revocast.Revocation, c Call) (revocast.Receipt, error)
	RevokeBatch(ctx context.Context, list []revocast.Revocation, c Call) ([]revocast.Receipt, error)
	Logout(ctx context.Context, claims *revocast.Claims, c Call) (revocast.Receipt, error)
	PasswordChanged(ctx context.Context, p apitypes.PasswordChanged, c Call) (revocast.Receipt, error)
	Ban(ctx context.Context, b revocast.Ban, c Call) (revocast.Receipt, error)
	Unban(ctx context.Context, b revocast.Ban, c Call) (revocast.Receipt, error)
	Invalidate(ctx context.Context, i revocast.Invalidation, c Call) (revocast.Receipt, error)

	Preview(ctx context.Context, list []revocast.Revocation) (publisher.Preview, error)
	Bans(ctx context.Context, cursor string) (bans []publisher.BannedKey, next string, err error)
	KeyFor(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.Key, error)

	Await(ctx context.Context, at revocast.Position) (revocast.Receipt, error)
	Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error)
	Fleet(ctx context.Context) (apitypes.Fleet, error)

	Tip(ctx context.Context) (revocast.Position, error)
	Watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error
}

// LogoutVerifier verifies a token that is to be ended: its signature and issuer
// count, its exp and nbf do not, since an expired token's session may live on and a
// fresh one must be revocable too. It fails like a [port.Verifier].
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
