package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revocast/revocast"
)

// AddSubscriber adds a worker's memory: lease, index, cache, live tail.
func (m *Metrics) AddSubscriber(read func() revocast.SubscriberStatus) {
	type status = revocast.SubscriberStatus
	list := []series[status]{
		gauge("revocast_subscriber_ready", "1 while the worker's memory may be trusted.", func(s status) float64 { return flag(s.Ready) }),
		gauge("revocast_subscriber_lease_left_seconds", "How long the lease still holds; 0: there is none.", func(s status) float64 { return s.LeaseLeft.Seconds() }),
		gauge("revocast_subscriber_epoch", "Epoch of the applied position.", func(s status) float64 { return float64(s.Position.Epoch) }),
		gauge("revocast_subscriber_revision", "Revision up to which everything is applied.", func(s status) float64 { return float64(s.Position.Rev) }),
		gauge("revocast_subscriber_bound_keys", "Keys that contexts made by Bind wait for.", func(s status) float64 { return float64(s.Bound) }),
		counter("revocast_subscriber_events_total", "Events applied from the live tail.", func(s status) uint64 { return s.Events }),
		counter("revocast_subscriber_renewals_total", "Renewals of the lease.", func(s status) uint64 { return s.Renewals }),
		counter("revocast_subscriber_renew_failures_total", "Renewals that failed.", func(s status) uint64 { return s.RenewFailures }),
		counter("revocast_subscriber_holes_total", "Times that a missing revision was fetched from the log.", func(s status) uint64 { return s.Holes }),
		counter("revocast_subscriber_suspects_total", "Times that the live tail may have lost messages.", func(s status) uint64 { return s.Suspects }),
		counter("revocast_subscriber_loads_total", "Times that the index was loaded.", func(s status) uint64 { return s.Loads }),
		counter("revocast_subscriber_load_failures_total", "Loads of the index that failed.", func(s status) uint64 { return s.LoadFailures }),
	}
	for _, v := range viewSeries() {
		list = append(list, series[status]{name: v.name, help: v.help, kind: v.kind, value: func(s status) float64 { return v.value(s.View) }})
	}
	m.registry.MustRegister(newSnapshots("", read, list))
}

func viewSeries() []series[revocast.ViewStats] {
	type stats = revocast.ViewStats
	return []series[stats]{
		gauge("revocast_cache_entries", "Entries in the session cache.", func(s stats) float64 { return float64(s.Entries) }),
		gauge("revocast_index_states", "Live revocations in the index.", func(s stats) float64 { return float64(s.States) }),
		gauge("revocast_index_complete", "1 while the index holds every live revocation; else a cache miss asks the ledger.", func(s stats) float64 { return flag(s.Complete) }),
		counter("revocast_cache_hits_total", "Lookups that found an entry.", func(s stats) uint64 { return s.Hits }),
		counter("revocast_cache_misses_total", "Lookups that found none.", func(s stats) uint64 { return s.Misses }),
		counter("revocast_cache_evicted_total", "Cache entries that made room for others.", func(s stats) uint64 { return s.Evicted }),
		counter("revocast_cache_dropped_total", "Cache entries dropped because an event covered them.", func(s stats) uint64 { return s.Dropped }),
		counter("revocast_index_overflowed_total", "Times that the index grew past its limit and was given up.", func(s stats) uint64 { return s.Overflowed }),
	}
}

// AddGuard adds the decisions of the read path. Hits of the session cache are not
// among them: the cache counts those.
func (m *Metrics) AddGuard(read func() revocast.GuardStats) {
	type stats = revocast.GuardStats
	const checks, help = "revocast_guard_checks_total", "Decisions by verdict, without hits of the session cache."
	m.registry.MustRegister(newSnapshots("verdict", read, []series[stats]{
		counter(checks, help, func(s stats) uint64 { return s.Allowed }).labelled("allowed"),
		counter(checks, help, func(s stats) uint64 { return s.Revoked }).labelled("revoked"),
		counter(checks, help, func(s stats) uint64 { return s.Invalid }).labelled("invalid"),
		counter(checks, help, func(s stats) uint64 { return s.Unknown }).labelled("unknown"),
		counter("revocast_guard_asked_total", "Questions to the ledger.", func(s stats) uint64 { return s.Asked }),
		counter("revocast_guard_ask_failures_total", "Questions to the ledger that were not answered.", func(s stats) uint64 { return s.AskFailed }),
		counter("revocast_guard_graced_total", "Tokens allowed under the Grace policy, without a lease. Alarm on any.", func(s stats) uint64 { return s.Graced }),
	}))
}

// AddWritePath adds all there is to know of a publisher: its counters, its readiness
// and the age of what JetStream has not acknowledged, which is asked of the ledger at
// each scrape.
func (m *Metrics) AddWritePath(p *revocast.Publisher) {
	m.AddPublisher(p.Stats)
	m.AddReadiness("publisher", p.Ready().Err)
	m.AddOldestUnacked(func() (time.Duration, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		status, err := p.Status(ctx)
		return status.OldestUnacked, err == nil && status.Ledger.State == revocast.LedgerOpen
	})
}

// AddPublisher adds the counters of the write path.
func (m *Metrics) AddPublisher(read func() revocast.PublisherStats) {
	type stats = revocast.PublisherStats
	m.registry.MustRegister(newSnapshots("", read, []series[stats]{
		counter("revocast_publisher_committed_total", "Revisions made.", func(s stats) uint64 { return s.Committed }),
		counter("revocast_publisher_repeated_total", "Calls for what was covered already.", func(s stats) uint64 { return s.Repeated }),
		counter("revocast_publisher_durable_total", "Revisions of calls made here that JetStream acknowledged.", func(s stats) uint64 { return s.Durable }),
		counter("revocast_publisher_confirmed_total", "Revisions of calls made here that were confirmed.", func(s stats) uint64 { return s.Confirmed }),
		counter("revocast_publisher_failed_total", "Calls that committed nothing.", func(s stats) uint64 { return s.Failed }),
		counter("revocast_publisher_published_total", "Events handed to the bus.", func(s stats) uint64 { return s.Published }),
		counter("revocast_publisher_republished_total", "Events handed to the bus again, or on behalf of another publisher.", func(s stats) uint64 { return s.Republished }),
		counter("revocast_publisher_recoveries_total", "Ledgers recovered.", func(s stats) uint64 { return s.Recoveries }),
		counter("revocast_publisher_struck_total", "Workers struck off the fleet.", func(s stats) uint64 { return s.Struck }),
		gauge("revocast_publisher_unacked", "Events in memory that JetStream has not acknowledged.", func(s stats) float64 { return float64(s.Unacked) }),
		gauge("revocast_publisher_waiting", "Positions that calls wait for JetStream with.", func(s stats) float64 { return float64(s.Waiting) }),
	}))
}

// AddOldestUnacked adds the age of the oldest event that JetStream has not
// acknowledged, which [revocast.Publisher.Status] tells. ok is false while it is not
// known; then the series is missing, and not zero.
func (m *Metrics) AddOldestUnacked(read func() (age time.Duration, ok bool)) {
	m.registry.MustRegister(&oldest{
		read: read,
		desc: prometheus.NewDesc("revocast_publisher_oldest_unacked_seconds", "Age of the oldest event that JetStream has not acknowledged. Alarm above a few seconds.", nil, nil),
	})
}

// oldest is a [prometheus.Collector] of one series that may be missing.
type oldest struct {
	read func() (time.Duration, bool)
	desc *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (o *oldest) Describe(out chan<- *prometheus.Desc) { out <- o.desc }

// Collect implements [prometheus.Collector].
func (o *oldest) Collect(out chan<- prometheus.Metric) {
	if age, ok := o.read(); ok {
		out <- prometheus.MustNewConstMetric(o.desc, prometheus.GaugeValue, age.Seconds())
	}
}

// AddReadiness adds whether a component, such as "publisher", is ready. Several
// components may be added.
func (m *Metrics) AddReadiness(component string, ready func() error) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "revocast_ready", Help: "1 while the component is ready.",
		ConstLabels: prometheus.Labels{"component": component},
	}, func() float64 { return flag(ready() == nil) }))
}
