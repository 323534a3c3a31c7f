package metrics

// BusStats are the counters of a bus. The fields are those of events.Stats, one by
// one, so that BusStats(bus.Stats()) converts and this package needs no NATS.
type BusStats struct {
	Published     uint64
	Acknowledged  uint64
	Duplicates    uint64
	Refused       uint64
	Pending       uint64
	TailReceived  uint64
	ReplayedTotal uint64
	AcksSent      uint64
	AcksReceived  uint64
	Undecodable   uint64
	ForeignRealm  uint64
	Disconnects   uint64
	SlowConsumers uint64
	Dropped       uint64
	Readies       uint64
	ReplayResets  uint64
}

// AddBus adds the broadcast.
func (m *Metrics) AddBus(read func() BusStats) {
	type stats = BusStats
	m.registry.MustRegister(newSnapshots("", read, []series[stats]{
		counter("revocast_bus_published_total", "Events handed to the connection, repeats included.", func(s stats) uint64 { return s.Published }),
		counter("revocast_bus_acknowledged_total", "Events that JetStream acknowledged, duplicates included.", func(s stats) uint64 { return s.Acknowledged }),
		counter("revocast_bus_duplicates_total", "Events that JetStream had already.", func(s stats) uint64 { return s.Duplicates }),
		counter("revocast_bus_refused_total", "Events that JetStream answered with an error.", func(s stats) uint64 { return s.Refused }),
		gauge("revocast_bus_pending", "Events that JetStream has not answered yet.", func(s stats) float64 { return float64(s.Pending) }),
		counter("revocast_bus_tail_received_total", "Messages on the live tail.", func(s stats) uint64 { return s.TailReceived }),
		counter("revocast_bus_replayed_total", "Events replayed from the stream.", func(s stats) uint64 { return s.ReplayedTotal }),
		counter("revocast_bus_acks_sent_total", "Acknowledgements sent to publishers.", func(s stats) uint64 { return s.AcksSent }),
		counter("revocast_bus_acks_received_total", "Acknowledgements received from workers.", func(s stats) uint64 { return s.AcksReceived }),
		counter("revocast_bus_undecodable_total", "Messages that could not be read. Alarm on any.", func(s stats) uint64 { return s.Undecodable }),
		counter("revocast_bus_foreign_realm_total", "Messages of another realm. Alarm on any.", func(s stats) uint64 { return s.ForeignRealm }),
		counter("revocast_bus_disconnects_total", "Connections to NATS lost.", func(s stats) uint64 { return s.Disconnects }),
		counter("revocast_bus_slow_consumers_total", "Times that a subscription's buffer overflowed.", func(s stats) uint64 { return s.SlowConsumers }),
		counter("revocast_bus_dropped_total", "Messages lost to overflowing buffers; they are fetched from the log.", func(s stats) uint64 { return s.Dropped }),
		counter("revocast_bus_subscribed_total", "Times that a subscription came into force.", func(s stats) uint64 { return s.Readies }),
		counter("revocast_bus_replay_resets_total", "Times that a replay had to start a consumer anew.", func(s stats) uint64 { return s.ReplayResets }),
	}))
}
