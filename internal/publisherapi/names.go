package publisherapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/apitypes"
)

// getName says which name stands behind a key. Names are what the stores do not tell, so it takes the widest
// right.
func (h *Handler) getName(w http.ResponseWriter, r *http.Request, args []string) error {
	if err := h.allow(r, apitoken.Need{Right: apitoken.Operate, Whole: true}); err != nil {
		return err
	}
	if _, err := params(r); err != nil {
		return err
	}
	key, err := revocast.ParseKey(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.o.RequestTimeout)
	defer cancel()
	found, err := h.deps.Publisher.Who(ctx, []revocast.Key{key})
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0].Err != nil {
		return fmt.Errorf("key %s: %w", key, found[0].Err)
	}
	apitypes.Write(w, http.StatusOK, apitypes.NewNamed(key, found[0].Name))
	return nil
}
