package publisherapi

import (
	"net/http"

	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/problem"
)

// getHealth says only that the process serves requests. A liveness probe that looked at the
// stores would restart the program for their faults.
func (h *Handler) getHealth(w http.ResponseWriter, _ *http.Request, _ []string) error {
	apitypes.Write(w, http.StatusOK, apitypes.Health{Status: "ok"})
	return nil
}

// getReady says why the service is not ready. Where the stores are it tells only callers whom it knows.
func (h *Handler) getReady(w http.ResponseWriter, r *http.Request, _ []string) error {
	if h.leaving.Load() {
		problem.Write(w, problem.NotReady("stopping"))
		return nil
	}
	if err := h.deps.Ready(); err != nil {
		p := problem.NotReady(err.Error())
		if !h.known(r) {
			p = p.WithoutAddresses()
		}
		problem.Write(w, p)
		return nil
	}
	apitypes.Write(w, http.StatusOK, apitypes.Health{Status: "ready"})
	return nil
}

func (h *Handler) getMetrics(w http.ResponseWriter, r *http.Request, _ []string) error {
	h.deps.Metrics.ServeHTTP(w, r)
	return nil
}
