package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/revocast/revocast"
)

// Metrics is a registry, and the counters that are updated as things happen. It is safe for
// concurrent use.
type Metrics struct {
	registry prometheus.Registerer
	gather   *prometheus.Registry
	latency  *prometheus.HistogramVec
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	canaryTook  prometheus.Histogram
	canaryCount *prometheus.CounterVec
}

// New returns metrics of the process: memory, goroutines, file descriptors. The
// parts are added one by one.
func New() *Metrics {
	registry := prometheus.NewRegistry()
	return newMetrics(registry, registry)
}

// NewFor is New for the process of one realm. Every metric has the realm's name as the label
// "realm", so that one Prometheus never adds up two realms.
func NewFor(realm string) *Metrics {
	registry := prometheus.NewRegistry()
	return newMetrics(registry, prometheus.WrapRegistererWith(prometheus.Labels{"realm": realm}, registry))
}

func newMetrics(gather *prometheus.Registry, registry prometheus.Registerer) *Metrics {
	m := &Metrics{registry: registry, gather: gather}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// AddBuild adds the version of the program.
func (m *Metrics) AddBuild(version string) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "revocast_build_info", Help: "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(build)
}

// Handler serves the registry in the Prometheus text format and OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.gather, promhttp.HandlerOpts{})
}

// ObserveRevocations adds the latency of revocations; see [Metrics.Receipt].
func (m *Metrics) ObserveRevocations() {
	m.latency = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "revocast_revocation_latency_seconds",
		Help:    "Time from the call until the strength asked for was reached: committed, durable or confirmed.",
		Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 3, 4, 5, 10},
	}, []string{"strength"})
	m.registry.MustRegister(m.latency)
}

// Receipt counts one revocation that reached its strength. It does nothing before
// [Metrics.ObserveRevocations].
func (m *Metrics) Receipt(s revocast.Strength, took time.Duration) {
	if m.latency != nil {
		m.latency.WithLabelValues(s.String()).Observe(took.Seconds())
	}
}

// ObserveRequests adds the HTTP requests; see [Metrics.Request].
func (m *Metrics) ObserveRequests() {
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "revocast_http_requests_total",
		Help: "HTTP requests by path pattern and status.",
	}, []string{"route", "status"})
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "revocast_http_request_seconds", Help: "Time that HTTP requests took, by path pattern.",
		Buckets: []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 5, 10, 30},
	}, []string{"route"})
	m.registry.MustRegister(m.requests, m.duration)
}

// Request counts one HTTP request. It does nothing before [Metrics.ObserveRequests].
func (m *Metrics) Request(route string, status int, took time.Duration) {
	if m.requests == nil {
		return
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}
