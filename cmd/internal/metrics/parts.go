package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// AddSubscriber adds a worker's memory: lease, index, cache, live tail.
func (m *Metrics) AddSubscriber(s Subscriber) {
	m.addSubscriberStatus(s.Status)
	m.addSubscriberStats(s.Stats)
}

// Subscriber is what is read of a [worker.Subscriber].
type Subscriber interface {
	Status() worker.SubscriberStatus
	Stats() worker.SubscriberStats
}

func (m *Metrics) addSubscriberStatus(read func() worker.SubscriberStatus) {
	type status = worker.SubscriberStatus
	m.registry.MustRegister(newSnapshots("", read, []series[status]{
		gauge("revocast_subscriber_ready",
			"1 while the worker's memory may be trusted.", func(s status) float64 { return flag(s.Ready) }),
		gauge("revocast_subscriber_lease_left_seconds",
			"How long the lease still holds; 0: there is none.",
			func(s status) float64 { return s.LeaseLeft.Seconds() }),
		gauge("revocast_subscriber_epoch",
			"Epoch of the applied position.", func(s status) float64 { return float64(s.Position.Epoch) }),
		gauge("revocast_subscriber_revision",
			"Revision up to which everything is applied.", func(s status) float64 { return float64(s.Position.Rev) }),
		gauge("revocast_subscriber_bound_keys",
			"Keys that contexts made by Bind wait for.", func(s status) float64 { return float64(s.Bound) }),
		gauge("revocast_subscriber_hears",
			"1 while the live tail is heard; else revocations come with the renewals, and wait for them. Alarm "+
				"at 0.", func(s status) float64 { return flag(s.Unheard == "") }),
		gauge("revocast_subscriber_acknowledges",
			"0 while acknowledgements do not get through: every revocation waits for this worker's renewals. "+
				"Alarm at 0.", func(s status) float64 { return flag(s.Unacknowledged == "") }),
		gauge("revocast_subscriber_clock_ahead_seconds",
			"By how much this machine's wall clock is ahead of the ledger's. Alarm beyond a second either way.",
			func(s status) float64 { return s.ClockAhead.Seconds() }),
		gauge("revocast_subscriber_largest_lead_seconds",
			"The largest by which an issuer's clock is ahead of the ledger's, as this worker knows it.",
			func(s status) float64 { return s.LargestLead.Seconds() }),
		gauge("revocast_cache_entries",
			"Entries in the session cache.", func(s status) float64 { return float64(s.View.Entries) }),
		gauge("revocast_index_states",
			"Live revocations in the index.", func(s status) float64 { return float64(s.View.States) }),
		gauge("revocast_index_complete",
			"1 while the index holds every live revocation; else a cache miss asks the ledger.",
			func(s status) float64 { return flag(s.View.Complete) }),
	}))
}

func (m *Metrics) addSubscriberStats(read func() worker.SubscriberStats) {
	type stats = worker.SubscriberStats
	m.registry.MustRegister(newSnapshots("", read, []series[stats]{
		counter("revocast_subscriber_events_total",
			"Events applied from the live tail.", func(s stats) uint64 { return s.Events }),
		counter("revocast_subscriber_renewals_total",
			"Renewals of the lease.", func(s stats) uint64 { return s.Renewals }),
		counter("revocast_subscriber_renew_failures_total",
			"Renewals that failed.", func(s stats) uint64 { return s.RenewFailures }),
		counter("revocast_subscriber_holes_total",
			"Times that a missing revision was fetched from the log.", func(s stats) uint64 { return s.Holes }),
		counter("revocast_subscriber_suspects_total",
			"Times that the live tail may have lost messages.", func(s stats) uint64 { return s.Suspects }),
		counter("revocast_subscriber_loads_total",
			"Times that the index was loaded.", func(s stats) uint64 { return s.Loads }),
		counter("revocast_subscriber_ack_failures_total",
			"Acknowledgements that did not get through.", func(s stats) uint64 { return s.AckFailures }),
		counter("revocast_subscriber_ledger_loads_total",
			"Loads for which the ledger was read state by state, since no snapshot would do.",
			func(s stats) uint64 { return s.LedgerLoads }),
		counter("revocast_subscriber_load_failures_total",
			"Loads of the index that failed.", func(s stats) uint64 { return s.LoadFailures }),
		counter("revocast_subscriber_sightings_total",
			"Tokens newer than any of their issuer before, of which the ledger was told.",
			func(s stats) uint64 { return s.Sightings }),
		counter("revocast_subscriber_sight_failures_total",
			"Tokens that could not be told to the ledger immediately.",
			func(s stats) uint64 { return s.SightFailures }),
		counter("revocast_subscriber_future_tokens_total",
			"Tokens refused because they are ahead of the ledger's clock by more than the realm's skew. Alarm "+
				"on any.", func(s stats) uint64 { return s.FromTheFuture }),
		counter("revocast_cache_hits_total",
			"Lookups that found an entry.", func(s stats) uint64 { return s.View.Hits }),
		counter("revocast_cache_misses_total",
			"Lookups that found none.", func(s stats) uint64 { return s.View.Misses }),
		counter("revocast_cache_evicted_total",
			"Cache entries that made room for others.", func(s stats) uint64 { return s.View.Evicted }),
		counter("revocast_cache_dropped_total",
			"Cache entries dropped because an event covered them.", func(s stats) uint64 { return s.View.Dropped }),
		counter("revocast_index_overflowed_total",
			"Times that the index grew past its limit and was given up.",
			func(s stats) uint64 { return s.View.Overflowed }),
	}))
}

// AddGuard adds the decisions of the read path. Hits of the session cache are not included: the
// cache counts those.
func (m *Metrics) AddGuard(read func() worker.GuardStats) {
	type stats = worker.GuardStats
	const checks, help = "revocast_guard_checks_total", "Decisions by verdict, without hits of the session cache."
	m.registry.MustRegister(newSnapshots("verdict", read, []series[stats]{
		counter(checks, help, func(s stats) uint64 { return s.Allowed }).labelled("allowed"),
		counter(checks, help, func(s stats) uint64 { return s.Revoked }).labelled("revoked"),
		counter(checks, help, func(s stats) uint64 { return s.Invalid }).labelled("invalid"),
		counter(checks, help, func(s stats) uint64 { return s.Unknown }).labelled("unknown"),
		counter("revocast_guard_asked_total", "Checks put to the ledger.", func(s stats) uint64 { return s.Asked }),
		counter("revocast_guard_ask_failures_total",
			"Checks put to the ledger that were not answered.", func(s stats) uint64 { return s.AskFailed }),
		counter("revocast_guard_questions_total",
			"Questions to the ledger, each with one check or several.", func(s stats) uint64 { return s.Questions }),
		counter("revocast_guard_shed_total",
			"Checks answered unknown because too many waited for the ledger. Alarm on any.",
			func(s stats) uint64 { return s.Shed }),
		counter("revocast_guard_graced_total",
			"Tokens allowed under the Grace policy, without a lease. Alarm on any.",
			func(s stats) uint64 { return s.Graced }),
	}))
}

// AddPublisher adds the write path.
func (m *Metrics) AddPublisher(p Publisher) {
	m.addPublisherStatus(p.Status)
	m.addPublisherStats(p.Stats)
}

// Publisher is what is read of a [publisher.Publisher].
type Publisher interface {
	Status() publisher.Status
	Stats() publisher.Stats
}

func (m *Metrics) addPublisherStats(read func() publisher.Stats) {
	type stats = publisher.Stats
	m.registry.MustRegister(newSnapshots("", read, []series[stats]{
		counter("revocast_publisher_committed_total", "Revisions made.", func(s stats) uint64 { return s.Committed }),
		counter("revocast_publisher_repeated_total",
			"Calls whose effect was already covered.", func(s stats) uint64 { return s.Repeated }),
		counter("revocast_publisher_durable_total",
			"Revisions of calls made here that JetStream acknowledged.", func(s stats) uint64 { return s.Durable }),
		counter("revocast_publisher_confirmed_total",
			"Revisions of calls made here that were confirmed.", func(s stats) uint64 { return s.Confirmed }),
		counter("revocast_publisher_failed_total",
			"Calls that committed nothing.", func(s stats) uint64 { return s.Failed }),
		counter("revocast_publisher_published_total",
			"Events handed to the bus.", func(s stats) uint64 { return s.Published }),
		counter("revocast_publisher_republished_total",
			"Events handed to the bus again, or on behalf of another publisher.",
			func(s stats) uint64 { return s.Republished }),
		counter("revocast_publisher_recoveries_total",
			"Ledgers recovered.", func(s stats) uint64 { return s.Recoveries }),
		counter("revocast_publisher_struck_total",
			"Workers struck off the fleet.", func(s stats) uint64 { return s.Struck }),
		counter("revocast_publisher_doubtful_total",
			"Confirmed calls whose receipts carry a warning, such as an issuer that no worker accepts.",
			func(s stats) uint64 { return s.Doubtful }),
		counter("revocast_publisher_strangers_total",
			"Acknowledgements of workers that are not members.", func(s stats) uint64 { return s.Strangers }),
		counter("revocast_publisher_impossible_total",
			"Acknowledgements of what the ledger does not hold, which are not believed.",
			func(s stats) uint64 { return s.Impossible }),
		counter("revocast_publisher_audits_total",
			"Comparisons of the stream with the ledger that were begun here.",
			func(s stats) uint64 { return s.Audits }),
		counter("revocast_publisher_stream_losses_total",
			"Times that the stream was to be refilled: it had lost events, or a repair was asked for. Alarm on "+
				"any.", func(s stats) uint64 { return s.StreamLosses }),
		counter("revocast_publisher_refills_total",
			"Refills of the stream that were completed.", func(s stats) uint64 { return s.Refills }),
		counter("revocast_publisher_snapshots_total",
			"Snapshots packed for workers that start.", func(s stats) uint64 { return s.Snapshots }),
		counter("revocast_publisher_forgotten_total",
			"States taken out of the ledger, by two clocks.", func(s stats) uint64 { return s.Forgotten }),
		counter("revocast_publisher_vanished_total",
			"States that went missing in the ledger, and for which it was recovered. Alarm on any.",
			func(s stats) uint64 { return s.Vanished }),
		counter("revocast_publisher_stream_mends_total",
			"Things that somebody had edited in the realm's streams, so that they lost events or took none, and "+
				"that were changed back. Alarm on any.", func(s stats) uint64 { return s.StreamMends }),
		counter("revocast_publisher_refusals_total",
			"Events that the bus did not take; they are repeated.", func(s stats) uint64 { return s.Refusals }),
	}))
}

func (m *Metrics) addPublisherStatus(read func() publisher.Status) {
	type status = publisher.Status
	m.registry.MustRegister(newSnapshots("", read, []series[status]{
		gauge("revocast_publisher_unacked",
			"Events in memory that JetStream has not acknowledged.",
			func(s status) float64 { return float64(s.Unacked) }),
		gauge("revocast_publisher_waiting",
			"Positions that calls wait for JetStream with.", func(s status) float64 { return float64(s.Waiting) }),
		gauge("revocast_publisher_clock_ahead_seconds",
			"By how much this machine's wall clock is ahead of the ledger's. Alarm beyond a second either way.",
			func(s status) float64 { return s.ClockAhead.Seconds() }),
		gauge("revocast_publisher_fleet_ahead_seconds",
			"By how much most clocks of the fleet are ahead of the ledger's, which cut-offs allow for.",
			func(s status) float64 { return s.FleetAhead.Seconds() }),
		gauge("revocast_publisher_largest_lead_seconds",
			"The largest by which an issuer's clock is ahead of the ledger's. Alarm above a second.",
			func(s status) float64 { return s.LargestLead.Seconds() }),
		gauge("revocast_publisher_silent_workers",
			"Workers whose acknowledgements are not heard: every revocation waits for their renewals. Alarm on "+
				"any.", func(s status) float64 { return float64(s.Silent) }),
		gauge("revocast_publisher_stream_error",
			"1 while the stream cannot be relied on as it is configured, takes no events, or could not be "+
				"compared with the ledger by this publisher. Alarm when it lasts.",
			func(s status) float64 { return flag(s.StreamError != nil) }),
	}))
}

// AddReadiness adds whether a component, such as "publisher", is ready. Several
// components may be added.
func (m *Metrics) AddReadiness(component string, ready func() error) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "revocast_ready", Help: "1 while the component is ready.",
		ConstLabels: prometheus.Labels{"component": component},
	}, func() float64 { return flag(ready() == nil) }))
}
