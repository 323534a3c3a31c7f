package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// ahead is how far a cut-off may be ahead of the ledger's clock to be handed over; the
// ledger takes a little more.
const ahead = 4 * time.Second

// early: Redis' clock was set back since a cut-off was taken, and the ledger would refuse it.
type early struct{ wait time.Duration }

func (e *early) Error() string {
	return fmt.Sprintf("the cut-off is %s ahead: Redis' clock was set back", e.wait+ahead)
}

func (e *early) Unwrap() error { return revocast.ErrUnavailable }

// handing is one attempt to tell an entry.
type handing struct {
	*Outbox
	id       string
	opts     []revocast.CallOption
	receipts []revocast.Receipt
	pending  error
	bad      []Item // refused for good
	why      error  // the first refusal
}

// hand tells the publisher. Items that are over need not be told. They must not hold back the rest,
// nor may items that the publisher refuses.
func (h *handing) hand(ctx context.Context, e entry, items []Item) error {
	var revoke, invalidate []Item
	for _, i := range items {
		if err := i.check(); err != nil {
			h.refused(i, err)
			continue
		}
		if i.Kind == kindInvalidate {
			invalidate = append(invalidate, i)
			continue
		}
		r, _ := i.revocation() // checked
		if !r.Until.IsZero() && !r.Until.Add(revocast.UntilMargin).After(e.over) {
			if r.Scope == revocast.ScopeToken {
				continue
			}
			i.Until = "" // too early for what else it covers; the ledger's terms say until when
		}
		for _, at := range []time.Time{r.CutOff, r.AsOf} {
			if wait := at.Sub(e.now) - ahead; wait > 0 && !at.IsZero() {
				return &early{wait}
			}
		}
		revoke = append(revoke, i)
	}
	for len(revoke) > 0 {
		part := revoke[:min(len(revoke), revocast.MaxBatch)]
		revoke = revoke[len(part):]
		if err := h.revoke(ctx, part); err != nil {
			return err
		}
	}
	for _, i := range invalidate {
		if err := h.invalidate(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (h *handing) refused(i Item, err error) {
	h.bad = append(h.bad, i)
	if h.why == nil {
		h.why = err
	}
}

// revoke tells a batch, or where the ledger refuses it, one by one.
func (h *handing) revoke(ctx context.Context, part []Item) error {
	rs := make([]revocast.Revocation, len(part))
	for n, i := range part {
		rs[n], _ = i.revocation() // checked
	}
	receipts, err := h.pub.RevokeBatch(ctx, rs, h.with(part...)...)
	if !errors.Is(err, revocast.ErrInvalid) {
		return h.took(receipts, err)
	}
	if len(part) == 1 {
		h.refused(part[0], err)
		return nil
	}
	for _, i := range part {
		if err := h.revoke(ctx, []Item{i}); err != nil {
			return err
		}
	}
	return nil
}

func (h *handing) invalidate(ctx context.Context, i Item) error {
	r, _ := i.revocation() // checked
	receipt, err := h.pub.Invalidate(ctx, i.invalidation(r), h.with(i)...)
	if errors.Is(err, revocast.ErrInvalid) {
		h.refused(i, err)
		return nil
	}
	return h.took([]revocast.Receipt{receipt}, err)
}

// took notes the committed items. For the outbox a pending answer is as good as any.
func (h *handing) took(receipts []revocast.Receipt, err error) error {
	if err != nil && !errors.Is(err, revocast.ErrPending) {
		return err
	}
	h.receipts = append(h.receipts, receipts...)
	if err != nil {
		h.pending = err
	}
	return nil
}

// with adds the idempotency key. Two processes that tell the same of the same entry use the same
// key; different content uses a different key.
func (h *handing) with(items ...Item) []revocast.CallOption {
	text, _ := encode(items) // was decoded from the like
	sum := sha256.Sum256([]byte(h.id + "\x00" + text))
	key := revocast.WithIdempotencyKey("outbox:" + hex.EncodeToString(sum[:16]))
	return append(append([]revocast.CallOption{}, h.opts...), key)
}
