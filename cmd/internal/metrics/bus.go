package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/revocast/revocast/events"
)

// AddBus adds the broadcast.
func (m *Metrics) AddBus(b Bus) {
	m.addBusStatus(b.Status)
	m.addBusStats(b.Stats)
	m.addSnapshots(b.Snapshots)
	m.addStrays(b.Strays)
}

// Bus is what is read of an [events.Bus].
type Bus interface {
	Status() events.Status
	Stats() events.Stats
	Snapshots() events.SnapshotStats
	Strays() []events.Stray
}

func (m *Metrics) addBusStatus(read func() events.Status) {
	type status = events.Status
	m.registry.MustRegister(newSnapshots("", read, []series[status]{
		gauge("revocast_bus_pending",
			"Events that JetStream has not answered yet.", func(s status) float64 { return float64(s.Pending) }),
		gauge("revocast_bus_connected",
			"1 while there is a connection to NATS.", func(s status) float64 { return flag(s.Connected) }),
	}))
}

func (m *Metrics) addBusStats(read func() events.Stats) {
	type stats = events.Stats
	m.registry.MustRegister(newSnapshots("", read, []series[stats]{
		counter("revocast_bus_published_total",
			"Events handed to the connection, repeats included.", func(s stats) uint64 { return s.Published }),
		counter("revocast_bus_acknowledged_total",
			"Events that JetStream acknowledged, duplicates included.", func(s stats) uint64 { return s.Acknowledged }),
		counter("revocast_bus_duplicates_total",
			"Events that JetStream had already.", func(s stats) uint64 { return s.Duplicates }),
		counter("revocast_bus_refused_total",
			"Events that JetStream answered with an error.", func(s stats) uint64 { return s.Refused }),
		counter("revocast_bus_tail_received_total",
			"Messages on the live tail.", func(s stats) uint64 { return s.TailReceived }),
		counter("revocast_bus_replayed_total",
			"Events replayed from the stream.", func(s stats) uint64 { return s.ReplayedTotal }),
		counter("revocast_bus_acks_sent_total",
			"Acknowledgements sent to publishers.", func(s stats) uint64 { return s.AcksSent }),
		counter("revocast_bus_acks_received_total",
			"Acknowledgements received from workers.", func(s stats) uint64 { return s.AcksReceived }),
		counter("revocast_bus_undecodable_total",
			"Messages that could not be read. Alarm on any.", func(s stats) uint64 { return s.Undecodable }),
		counter("revocast_bus_foreign_realm_total",
			"Messages of another realm. Alarm on any.", func(s stats) uint64 { return s.ForeignRealm }),
		counter("revocast_bus_disconnects_total",
			"Connections to NATS lost.", func(s stats) uint64 { return s.Disconnects }),
		counter("revocast_bus_slow_consumers_total",
			"Times that a subscription's buffer overflowed.", func(s stats) uint64 { return s.SlowConsumers }),
		counter("revocast_bus_dropped_total",
			"Messages lost to overflowing buffers; they are fetched from the log.",
			func(s stats) uint64 { return s.Dropped }),
		counter("revocast_bus_subscribed_total",
			"Times that a subscription came into force.", func(s stats) uint64 { return s.Readies }),
		counter("revocast_bus_replaced_total",
			"Connections made in place of one that NATS closed for good.", func(s stats) uint64 { return s.Replaced }),
		counter("revocast_bus_forbidden_total",
			"Times that NATS refused a subject for want of permission. Alarm on any.",
			func(s stats) uint64 { return s.Forbidden }),
		counter("revocast_bus_replay_resets_total",
			"Times that a replay had to start a new consumer.", func(s stats) uint64 { return s.ReplayResets }),
	}))
}

// addStrays adds the messages that a hostile or broken peer sent, by kind.
func (m *Metrics) addStrays(read func() []events.Stray) {
	m.registry.MustRegister(&strays{read, prometheus.NewDesc("revocast_strays_total",
		"Messages that were dropped, by what they came as and what was wrong with them. Alarm on any "+
			"but late.", []string{"source", "fault"}, nil)})
}

// strays is a [prometheus.Collector] of one metric with two labels.
type strays struct {
	read func() []events.Stray
	desc *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (s *strays) Describe(out chan<- *prometheus.Desc) { out <- s.desc }

// Collect implements [prometheus.Collector].
func (s *strays) Collect(out chan<- prometheus.Metric) {
	for _, stray := range s.read() {
		out <- prometheus.MustNewConstMetric(s.desc, prometheus.CounterValue, float64(stray.Count), stray.Source,
			stray.Fault)
	}
}

// addSnapshots adds the packed states for workers that start.
func (m *Metrics) addSnapshots(read func() events.SnapshotStats) {
	type stats = events.SnapshotStats
	m.registry.MustRegister(newSnapshots("", read, []series[stats]{
		counter("revocast_snapshots_saved_total", "Snapshots saved.", func(s stats) uint64 { return s.Saved }),
		counter("revocast_snapshots_save_failures_total",
			"Snapshots that could not be saved.", func(s stats) uint64 { return s.Failed }),
		counter("revocast_snapshots_loaded_total", "Snapshots loaded.", func(s stats) uint64 { return s.Loaded }),
		counter("revocast_snapshots_broken_total",
			"Snapshots found not whole or not readable; workers read the ledger instead.",
			func(s stats) uint64 { return s.Broken }),
	}))
}
