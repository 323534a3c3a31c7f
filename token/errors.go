package token

import (
	"errors"
	"fmt"
)

// Causes that golang-jwt has no name for. Each is wrapped together with the category that says what
// to answer.
var (
	// ErrAlgorithm: the alg header is not on the allow-list; "none" never is. With
	// revocast.ErrSignature.
	ErrAlgorithm = errors.New("algorithm is not allowed")

	// ErrUnknownKey: no key in force has the token's kid and suits its algorithm.
	// With revocast.ErrSignature, or with revocast.ErrUnknown where the source could
	// not look for a newer key.
	ErrUnknownKey = errors.New("no such key")

	// ErrType: the typ header is not the one configured. With revocast.ErrClaims.
	ErrType = errors.New("wrong token type")

	// ErrKind: the token is not meant for calling a service, or not for its bearer. With
	// revocast.ErrClaims.
	ErrKind = errors.New("not a plain access token")

	// ErrDuplicate: the header or the claims name a member twice. With
	// revocast.ErrMalformed.
	ErrDuplicate = errors.New("duplicate member")

	// ErrCritical: the header demands an extension. With revocast.ErrMalformed.
	ErrCritical = errors.New("crit header is not supported")
)

// refuse builds an error of a category with a text.
func refuse(category error, format string, args ...any) error {
	return fmt.Errorf("%w: %w", category, fmt.Errorf(format, args...))
}

// clip shortens foreign text for an error message.
func clip(text string) string {
	const limit = 64
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "…"
}
