package reset

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/internal/secret"
)

// Change sets a password for a principal who has shown by other means that they may, such
// as the old one, and ends everything that they had open but for the session keep (a sid;
// empty: nothing is spared). It is [Reset.Confirm] without a code: what is said there of
// crashes and of errors holds. After [ErrOwed] there is nothing to repeat, since the old
// password is gone; the outbox completes it. A principal or keep that a publisher would
// refuse is [revocast.ErrInvalid], before anything is touched.
func (r *Reset) Change(ctx context.Context, principal, keep, password string,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	if err := r.vet(principal, keep); err != nil {
		return nil, err
	}
	t := try{
		Reset: r, claim: code.Claim{ID: "change:" + secret.NewID()}, id: secret.NewID(),
		principal: principal, reason: "password-change", keep: keep,
	}
	if err := t.change(ctx, password); err != nil {
		return nil, err
	}
	receipts, err := t.end(ctx, opts)
	if err != nil {
		return receipts, fmt.Errorf("%w: %w", ErrOwed, err)
	}
	return receipts, nil
}
