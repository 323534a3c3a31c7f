package port

import (
	"context"

	"github.com/revocast/revocast"
)

// Verifier turns a bearer string into verified claims. Package token implements it
// for JWTs.
//
// It fails with exactly one of the token errors (see [revocast.ErrToken]) when the token is to be
// refused, and with [revocast.ErrUnknown] when that could not be decided, such as keys that were
// never loaded. No claim is used for anything before the signature holds. It is called
// concurrently, with bearers of any length that the guard accepts
// ([worker.GuardOptions.MaxBearer]).
type Verifier interface {
	Verify(ctx context.Context, bearer string) (*revocast.Claims, error)
}

// KeyHolder is a [Verifier] whose keys come and go. A guard asks it whether a token that it
// remembers was signed by a key that is still in force.
type KeyHolder interface {
	// Holds reports whether the key is in force. The zero signer always is.
	Holds(revocast.Signer) bool
	// OnLoss registers f, which is called after a key has left and Holds says so. f must
	// not block.
	OnLoss(f func())
}

// How long a bearer may be, in bytes. A longer one is refused unread.
const (
	MaxBearer     = 8 << 10  // by default
	LargestBearer = 64 << 10 // the most that can be configured
)
