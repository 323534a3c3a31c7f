package revocast

import (
	"errors"
	"fmt"
	"time"
)

// Outcome is the result of a check. The zero value is Unknown: a check that nobody decided never
// allows.
type Outcome uint8

// The outcomes and the HTTP status that a gateway answers with.
const (
	Unknown Outcome = iota // it could not be established: 503
	Allowed                // 200
	Revoked                // a revocation or ban covers the token: 401
	Invalid                // malformed, wrongly signed, expired, not acceptable: 401
)

var outcomeNames = [...]string{"unknown", "allowed", "revoked", "invalid"}

// String returns the outcome's name as the API spells it.
func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return fmt.Sprintf("Outcome(%d)", uint8(o))
	}
	return outcomeNames[o]
}

// MarshalText implements [encoding.TextMarshaler].
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Source says where the revocation state of a verdict came from.
type Source uint8

// The sources.
const (
	SourceNone   Source = iota // no state was consulted: the token itself was refused
	SourceMemory               // this process's memory, under a lease
	SourceLedger               // Redis, asked for this very check
)

// String returns the source's name as the API spells it.
func (s Source) String() string {
	switch s {
	case SourceMemory:
		return "memory"
	case SourceLedger:
		return "ledger"
	}
	return "none"
}

// Verdict is the read path's decision. Together with the claims it fits into the registers in which
// a call returns its results, because a hit is little more than a clock reading.
type Verdict struct {
	Outcome Outcome
	Source  Source
	Scope   Scope // of the revocation that covers the token, when Revoked

	// Position is the revision up to which the verdict takes everything into account, or the
	// revocation's own when Revoked.
	Position Position
	// Age is the greatest age of the knowledge behind the verdict. It never exceeds the lease
	// except under the Grace policy.
	Age time.Duration
	// Err is nil when Allowed; else it wraps ErrUnknown or one of the token errors.
	Err error
}

// OK reports whether the token is allowed.
func (v Verdict) OK() bool { return v.Outcome == Allowed }

// Banned reports whether a ban refused the token, rather than a revocation for good.
func (v Verdict) Banned() bool { return errors.Is(v.Err, ErrBanned) }
