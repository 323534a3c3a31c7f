package publisherapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

func (h *Handler) postRevocations(w http.ResponseWriter, r *http.Request, _ []string) error {
	query, err := params(r, "wait")
	if err != nil {
		return err
	}
	data, err := apitypes.ReadBody(w, r)
	if err != nil {
		return err
	}
	req, err := apitypes.DecodeRevocations(data)
	if err != nil {
		return err
	}
	c, err := h.call(r, req.Strength, query)
	if err != nil {
		return err
	}
	defer c.cancel()
	if req.DryRun {
		if err := h.mayRevoke(r, "", req); err != nil {
			return err
		}
		return h.preview(c.ctx, w, req)
	}
	if err := h.mayRevoke(r, actionRevoke, req); err != nil {
		return err
	}
	if count, widest := req.Unconfirmed(); count > 0 {
		return h.unconfirmed(c.ctx, req, count, widest)
	}
	if req.Batch {
		receipts, err := h.deps.Publisher.RevokeBatch(c.ctx, req.Domain(), c.opts...)
		return h.answerBatch(w, r, receipts, err)
	}
	receipt, err := h.deps.Publisher.Revoke(c.ctx, req.Domain()[0], c.opts...)
	return h.answer(w, r, receipt, err)
}

// mayRevoke refuses a call some of whose revocations its caller has no right to. A dry run has no
// action: it needs the same rights and writes nothing.
func (h *Handler) mayRevoke(r *http.Request, action string, req *apitypes.Revocations) error {
	list := make([]Subject, len(req.List))
	for i, v := range req.List {
		list[i] = subject(v.Scope, v.Issuer, v.ID)
	}
	var cause revocast.Cause
	if len(req.List) > 0 {
		cause = req.List[0].Domain().Cause
	}
	return h.writes(r, action, cause, list...)
}

func (h *Handler) postPasswordChanged(w http.ResponseWriter, r *http.Request, _ []string) error {
	var req apitypes.PasswordChanged
	return h.write(w, r, &req, &req.Strength,
		func(ctx context.Context, opts ...revocast.CallOption) (revocast.Receipt, error) {
			cause := revocast.Cause{Reason: "password-change", Initiator: req.Initiator}
			err := h.writes(r, actionPassword, cause, principal(req.Issuer, req.Principal))
			if err != nil {
				return revocast.Receipt{}, err
			}
			return h.deps.Publisher.PasswordChanged(ctx, revocast.PasswordChange{
				Principal: req.Principal, Issuer: req.Issuer, KeepSession: req.KeepSession, Initiator: req.Initiator,
			}, opts...)
		})
}

func (h *Handler) putBan(w http.ResponseWriter, r *http.Request, args []string) error {
	var req apitypes.Ban
	return h.write(w, r, &req, &req.Strength,
		func(ctx context.Context, opts ...revocast.CallOption) (revocast.Receipt, error) {
			cause := revocast.Cause{Reason: req.Reason, Initiator: req.Initiator}
			if err := h.writes(r, actionBan, cause, principal(req.Issuer, args[0])); err != nil {
				return revocast.Receipt{}, err
			}
			return h.deps.Publisher.Ban(ctx, revocast.Ban{
				Principal: args[0], Issuer: req.Issuer, From: req.From.Time, Until: req.Until.Time, Cause: cause,
			}, opts...)
		})
}

// deleteBan takes its parameters from the query, because a DELETE has no body (RFC 9110 §9.3.5).
func (h *Handler) deleteBan(w http.ResponseWriter, r *http.Request, args []string) error {
	query, err := params(r, "issuer", "reason", "initiator", "strength", "wait")
	if err != nil {
		return err
	}
	var strength revocast.Strength
	if text := query.Get("strength"); text != "" {
		if strength, err = revocast.ParseStrength(text); err != nil {
			return err
		}
	}
	c, err := h.call(r, strength, query)
	if err != nil {
		return err
	}
	defer c.cancel()
	cause := revocast.Cause{Reason: query.Get("reason"), Initiator: query.Get("initiator")}
	if err := h.writes(r, actionUnban, cause, principal(query.Get("issuer"), args[0])); err != nil {
		return err
	}
	receipt, err := h.deps.Publisher.Unban(c.ctx, revocast.Ban{
		Principal: args[0], Issuer: query.Get("issuer"), Cause: cause,
	}, c.opts...)
	return h.answer(w, r, receipt, err)
}

func (h *Handler) postInvalidation(w http.ResponseWriter, r *http.Request, _ []string) error {
	var req apitypes.Invalidation
	return h.write(w, r, &req, &req.Strength,
		func(ctx context.Context, opts ...revocast.CallOption) (revocast.Receipt, error) {
			err := h.writes(r, actionInvalidate, revocast.Cause{}, subject(req.Scope, req.Issuer, req.ID))
			if err != nil {
				return revocast.Receipt{}, err
			}
			return h.deps.Publisher.Invalidate(ctx,
				revocast.Invalidation{Scope: req.Scope, ID: req.ID, Issuer: req.Issuer},
				opts...)
		})
}

// write carries out every request that writes and has a body: it reads the body into req, runs do
// within the request's time, and answers with the receipt.
func (h *Handler) write(
	w http.ResponseWriter, r *http.Request, req apitypes.Request, strength *revocast.Strength,
	do func(context.Context, ...revocast.CallOption) (revocast.Receipt, error),
) error {
	query, err := params(r, "wait")
	if err != nil {
		return err
	}
	if err := apitypes.ReadRequest(w, r, req); err != nil {
		return err
	}
	c, err := h.call(r, *strength, query)
	if err != nil {
		return err
	}
	defer c.cancel()
	receipt, err := do(c.ctx, c.opts...)
	return h.answer(w, r, receipt, err)
}

// answer sends a receipt: 200 when the strength was reached, 202 when the time was
// up before.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, receipt revocast.Receipt, err error) error {
	status, err := h.status(r, err, receipt)
	if err != nil {
		return err
	}
	apitypes.Write(w, status, apitypes.NewReceipt(receipt))
	return nil
}

func (h *Handler) answerBatch(w http.ResponseWriter, r *http.Request, receipts []revocast.Receipt, err error) error {
	status, err := h.status(r, err, receipts...)
	if err != nil {
		return err
	}
	out := apitypes.Receipts{Receipts: make([]apitypes.Receipt, len(receipts))}
	for i, r := range receipts {
		out.Receipts[i] = apitypes.NewReceipt(r)
	}
	apitypes.Write(w, status, out)
	return nil
}

func (h *Handler) status(r *http.Request, err error, receipts ...revocast.Receipt) (int, error) {
	switch {
	case errors.Is(err, revocast.ErrPending):
		visitOf(r).reached("pending", receipts)
		return http.StatusAccepted, nil
	case err != nil:
		return 0, err
	}
	for _, r := range receipts {
		h.o.OnReceipt(r.Strength, r.Took)
	}
	if len(receipts) > 0 {
		visitOf(r).reached(receipts[0].Strength.String(), receipts)
	}
	return http.StatusOK, nil
}
