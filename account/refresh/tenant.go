package refresh

import (
	"context"
	"errors"
	"fmt"

	"github.com/revocast/revocast"
)

// SwitchTenant exchanges a token for its successor, as [Store.Rotate] does, and moves the
// family to another tenant if member says that the principal belongs to it. Else it is
// [ErrNotMember], or member's own error, and nothing has changed. member is called without
// locks, and may be called for nothing.
//
// The family keeps its session, so access tokens of the tenant it leaves are good until they
// expire: the principal is still a member there. To take one user out of a tenant, revoke that
// principal. Where two tabs hold one token and one of them switches, both get the same successor,
// and the family is the switched one: set [Expect.Tenant] to have the other refused instead. As
// with Options.Check, the time that member takes makes nobody a thief.
func (s *Store) SwitchTenant(ctx context.Context, token string, want Expect, tenant string,
	member func(ctx context.Context, principal, tenant string) (bool, error), opts ...revocast.CallOption,
) (Token, error) {
	t, ok := parse(s.mints, token)
	if !ok {
		return Token{}, ErrNotFound
	}
	if tenant != "" {
		if err := checkText("tenant", tenant, revocast.MaxID); err != nil {
			return Token{}, err
		}
	}
	f, err := s.find(ctx, t, want, opts)
	switch {
	case errors.Is(err, ErrRotated): // theft, which nobody has to be asked about
		return s.rotate(ctx, t, want, move{}, opts)
	case err != nil:
		return Token{}, err
	}
	f.Tenant = tenant
	if err := s.admit(ctx, f, member); err != nil {
		return Token{}, err
	}
	data, err := encode(f.Data)
	if err != nil {
		return Token{}, err
	}
	return s.rotate(ctx, t, want, move{tenant: s.key(revocast.ScopeTenant, tenant), body: body(f, data), seen: true},
		opts)
}

// admit asks whether a family may be of the tenant that f has. One that is revoked there
// stays good where it is.
func (s *Store) admit(ctx context.Context, f Family, member func(context.Context, string, string) (bool, error)) error {
	ok, err := member(ctx, f.Principal, f.Tenant)
	if err != nil {
		return fmt.Errorf("refresh: membership: %w", err)
	}
	if !ok {
		return ErrNotMember
	}
	err = s.ask(ctx, f)
	if v, refused := err.(*verdictError); refused && v.Outcome != revocast.Unknown {
		return fmt.Errorf("%w: its tokens of this login are refused: %w", ErrNotMember, v.Unwrap()[1])
	}
	return err
}
