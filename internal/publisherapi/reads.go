package publisherapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/apitypes"
)

// lookTime is how long a look at a receipt may take if the request does not ask to wait.
const lookTime = 250 * time.Millisecond

// getReceipt answers with the receipt as it stands, at the latest after the
// parameter wait. A receipt that is not confirmed by then is no error.
func (h *Handler) getReceipt(w http.ResponseWriter, r *http.Request, args []string) error {
	query, err := params(r, "wait")
	if err != nil {
		return err
	}
	wait, err := h.wait(query, 0)
	if err != nil {
		return err
	}
	right := apitoken.Read
	if visitOf(r).caller.grant.Rights.Includes(apitoken.Own) {
		right = apitoken.Own // a caller that writes may look at what it got
	}
	if err := h.allow(r, apitoken.Need{Right: right}); err != nil {
		return err
	}
	at, err := revocast.ParsePosition(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := h.waiting(r.Context(), max(wait, lookTime))
	defer cancel()
	receipt, err := h.deps.Publisher.Await(ctx, at)
	if err != nil && !errors.Is(err, revocast.ErrPending) {
		return err
	}
	apitypes.Write(w, http.StatusOK, apitypes.NewReceipt(receipt))
	return nil
}

func (h *Handler) getStanding(w http.ResponseWriter, r *http.Request, args []string) error {
	scope, err := revocast.ParseScope(args[0])
	if err != nil {
		return err
	}
	return h.standing(w, r, scope, args[1])
}

func (h *Handler) getStandingAll(w http.ResponseWriter, r *http.Request, _ []string) error {
	return h.standing(w, r, revocast.ScopeAll, "")
}

func (h *Handler) standing(w http.ResponseWriter, r *http.Request, scope revocast.Scope, id string) error {
	query, err := params(r, "issuer")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.o.RequestTimeout)
	defer cancel()
	issuer := query.Get("issuer")
	if err := h.reads(r, subject(scope, issuer, id)); err != nil {
		return err
	}
	state, err := h.deps.Publisher.Standing(ctx, scope, issuer, id)
	if err != nil {
		return err
	}
	key, err := h.deps.Publisher.KeyFor(ctx, scope, issuer, id)
	if err != nil {
		return err
	}
	out := apitypes.NewStanding(scope, issuer, id, state)
	if !key.IsZero() {
		out.Key = key.String()
	}
	apitypes.Write(w, http.StatusOK, out)
	return nil
}

func (h *Handler) getWorkers(w http.ResponseWriter, r *http.Request, _ []string) error {
	if _, err := params(r); err != nil {
		return err
	}
	if err := h.allow(r, apitoken.Need{Right: apitoken.Read}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.o.RequestTimeout)
	defer cancel()
	status, err := h.deps.Publisher.Fleet(ctx)
	if err != nil {
		return err
	}
	apitypes.Write(w, http.StatusOK, NewFleet(status))
	return nil
}
