package metrics

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/canary"
)

// ObserveCanary adds the canaries; see [Metrics.Canary]. A result that never occurred has a
// series at zero, so that a rate can be taken of it.
func (m *Metrics) ObserveCanary() {
	m.canaryTook = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "revocast_canary_seconds",
		Help: "Time that a synthetic revocation took until the last worker had applied it; those that were " +
			"not confirmed are left out.",
		Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 3, 4, 5, 10},
	})
	m.canaryCount = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "revocast_canary_total",
		Help: "Synthetic revocations by result: confirmed, pending (committed, not confirmed in twice the time " +
			"that it may take) or failed.",
	}, []string{"result"})
	for _, result := range []string{canaryConfirmed, canaryPending, canaryFailed} {
		m.canaryCount.WithLabelValues(result)
	}
	m.registry.MustRegister(m.canaryTook, m.canaryCount)
}

const (
	canaryConfirmed = "confirmed"
	canaryPending   = "pending"
	canaryFailed    = "failed"
)

// Canary counts one canary. It does nothing before [Metrics.ObserveCanary].
func (m *Metrics) Canary(r canary.Result) {
	if m.canaryCount == nil {
		return
	}
	switch {
	case r.Err == nil:
		m.canaryTook.Observe(r.Took.Seconds())
		m.canaryCount.WithLabelValues(canaryConfirmed).Inc()
	case errors.Is(r.Err, revocast.ErrPending):
		m.canaryCount.WithLabelValues(canaryPending).Inc()
	default:
		m.canaryCount.WithLabelValues(canaryFailed).Inc()
	}
}
