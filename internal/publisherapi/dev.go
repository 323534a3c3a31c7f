package publisherapi

import (
	"net/http"

	"github.com/revocast/revocast/internal/apitypes"
)

func (h *Handler) postLogin(w http.ResponseWriter, r *http.Request, _ []string) error {
	var req apitypes.Login
	if err := apitypes.ReadRequest(w, r, &req); err != nil {
		return err
	}
	token, session, life, err := h.deps.Demo.Login(r.Context(), req.Principal)
	if err != nil {
		return err
	}
	apitypes.Write(w, http.StatusOK, apitypes.NewLoggedIn(token, session, life))
	return nil
}

func (h *Handler) getJWKS(w http.ResponseWriter, _ *http.Request, _ []string) error {
	keys, err := h.deps.Demo.JWKS()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jwk-set+json") // RFC 7517 §8.5.2
	_, _ = w.Write(keys)
	return nil
}
