package denylist

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// args checks the caller's request and makes the arguments of the script.
func (l *List) args(id string, why revocast.Cause, i Issued, tokens []Token) ([]any, error) {
	if len(tokens) > MaxTokens {
		return nil, fmt.Errorf("%w: %d tokens in one call, at most %d", revocast.ErrInvalid, len(tokens), MaxTokens)
	}
	i.Issuer = l.issuer(i.Issuer)
	args := []any{id, i.Principal, i.Issuer, milli(i.AsOf), why.Reason, why.Initiator, afterExpiry.Milliseconds()}
	for n, t := range tokens {
		more, err := l.tokenArgs(why, t)
		if err != nil {
			return nil, fmt.Errorf("token %d: %w", n, err)
		}
		args = append(args, more...)
	}
	return args, nil
}

func (i Issued) check(why revocast.Cause) error {
	return revocast.Revocation{
		Scope: revocast.ScopePrincipal, ID: i.Principal, Issuer: i.Issuer, CutOff: i.AsOf,
		Cause: why,
	}.Validate()
}

func (l *List) tokenArgs(why revocast.Cause, t Token) ([]any, error) {
	t.Issuer = l.issuer(t.Issuer)
	if err := t.check(why); err != nil {
		return nil, err
	}
	expires, stands := milli(t.Expires), milli(t.stands())
	details, err := json.Marshal(details{t.ID, t.Issuer, t.Principal, expires, stands, why.Reason, why.Initiator})
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal([]string{t.Issuer, t.ID})
	return []any{key, t.ID, t.Issuer, t.Principal, milli(t.Issued), expires, details}, err
}

// stands is until when the token's entry lasts.
func (t Token) stands() time.Time { return t.Expires.Add(afterExpiry) }

func (t Token) check(why revocast.Cause) error {
	if t.Expires.IsZero() {
		return fmt.Errorf("%w: it has no expiry: revoke its session or principal", revocast.ErrInvalid)
	}
	entry := revocast.Revocation{
		Scope: revocast.ScopeToken, ID: t.ID, Issuer: t.Issuer, Until: t.Expires,
		Cause: why,
	}
	if err := entry.Validate(); err != nil {
		return err
	}
	// The rest is wrong where no cut-off could cover it.
	cover := revocast.Revocation{Scope: revocast.ScopePrincipal, ID: t.Principal, CutOff: t.Issued}
	if t.Principal == "" {
		cover.Scope = revocast.ScopeAll
	}
	if err := cover.Validate(); err != nil {
		return fmt.Errorf("its principal or issue time: %w", err)
	}
	return nil
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
