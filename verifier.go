package revocast

import "context"

// Verifier turns a bearer string into verified claims. Package token implements it
// for JWTs.
//
// It fails with exactly one of the token errors (see [ErrToken]) when the token is
// to be refused, and with [ErrUnknown] when that could not be decided, such as keys
// that were never loaded. No claim is used for anything before the signature holds.
// It is called concurrently, with bearers of at most [MaxBearer] bytes.
type Verifier interface {
	Verify(ctx context.Context, bearer string) (*Claims, error)
}

// MaxBearer is the longest bearer, in bytes, that is looked at.
const MaxBearer = 8 << 10
