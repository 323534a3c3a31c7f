package publisherapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/problem"
)

// preview answers a dry run.
func (h *Handler) preview(ctx context.Context, w http.ResponseWriter, req *apitypes.Revocations) error {
	p, err := h.deps.Publisher.Preview(ctx, req.Domain())
	if err != nil {
		return err
	}
	apitypes.Write(w, http.StatusOK, apitypes.Preview{
		DryRun: true, Revocations: p.Revocations, Wide: p.Wide, Count: p.Accepting, Workers: p.Workers,
		Warnings: p.Warnings,
	})
	return nil
}

// unconfirmed is the answer to a wide revocation that nobody has confirmed. Other faults of the
// request are reported before this one.
func (h *Handler) unconfirmed(ctx context.Context, req *apitypes.Revocations, count int, widest revocast.Scope) error {
	p, err := h.deps.Publisher.Preview(ctx, req.Domain())
	if err != nil {
		return err
	}
	what := fmt.Sprintf("a revocation of scope %s ends the sessions of many", widest)
	if count > 1 {
		what = fmt.Sprintf("%d revocations of this request, up to scope %s, end the sessions of many each", count,
			widest)
	}
	detail := fmt.Sprintf("%s, and cannot be taken back: %d of %d workers would refuse what it "+
		"covers. Nothing was revoked", what, p.Accepting, p.Workers)
	return problem.New(http.StatusConflict, problem.ConfirmationNeeded, "Confirmation needed", detail).
		WithHint(fmt.Sprintf(`send it again with "confirm":"%s"; "dry_run":true shows what it concerns`, widest)).
		WithCount(p.Accepting)
}

// getBans lists bans, a page at a time.
func (h *Handler) getBans(w http.ResponseWriter, r *http.Request, _ []string) error {
	if err := h.allow(r, apitoken.Need{Right: apitoken.Read, Whole: true}); err != nil {
		return err
	}
	query, err := params(r, "cursor")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.o.RequestTimeout)
	defer cancel()
	page, err := h.deps.Publisher.Bans(ctx, query.Get("cursor"))
	if err != nil {
		return err
	}
	out := apitypes.Bans{Bans: make([]apitypes.Banned, len(page.Bans)), Next: page.Next}
	named := visitOf(r).caller.grant.Rights.Includes(apitoken.Operate)
	for i, b := range page.Bans {
		out.Bans[i] = apitypes.NewBanned(b.Key, b.Ban)
		if named && b.Err == nil {
			name := apitypes.NewName(b.Name)
			out.Bans[i].Name = &name
		}
	}
	apitypes.Write(w, http.StatusOK, out)
	return nil
}
