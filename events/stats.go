package events

import "sync/atomic"

// Stats are a bus's counters since it was made.
type Stats struct {
	Published     uint64 // publications handed to the connection
	Acknowledged  uint64 // publications that JetStream acknowledged, duplicates included
	Duplicates    uint64 // of these, those that the stream had already: repeats
	Refused       uint64 // publications that were answered with an error
	TailReceived  uint64 // messages on live tails
	ReplayedTotal uint64 // events handed out by Replay
	AcksSent      uint64 // acknowledgements sent
	AcksReceived  uint64 // messages on Acks
	Undecodable   uint64 // messages that could not be read, wherever they came in; see Strays
	ForeignRealm  uint64 // messages of another realm
	Disconnects   uint64 // lost connections, as Tail and Acks saw them
	SlowConsumers uint64 // times that a subscription's buffer overflowed
	Dropped       uint64 // messages lost that way
	Readies       uint64 // times that a subscription was confirmed in force
	ReplayResets  uint64 // times that Replay had to start another consumer
	Replaced      uint64 // connections that were made in place of one that NATS closed for good
	Forbidden     uint64 // times that NATS refused a subject for want of permission
}

type counters struct {
	published, acknowledged, duplicates, refused atomic.Uint64
	tailReceived, replayed                       atomic.Uint64
	acksSent, acksReceived                       atomic.Uint64
	disconnects, slow, dropped, readies, resets  atomic.Uint64
	saved, unsaved, loaded, broken               atomic.Uint64
	replaced, forbidden                          atomic.Uint64
}

// Stats returns the counters. Each is exact; together they are not one instant.
func (b *Bus) Stats() Stats {
	c := &b.counts
	return Stats{
		Published:     c.published.Load(),
		Acknowledged:  c.acknowledged.Load(),
		Duplicates:    c.duplicates.Load(),
		Refused:       c.refused.Load(),
		TailReceived:  c.tailReceived.Load(),
		ReplayedTotal: c.replayed.Load(),
		AcksSent:      c.acksSent.Load(),
		AcksReceived:  c.acksReceived.Load(),
		Undecodable:   b.strays.total(faultUndecodable, faultOversized, faultMisplaced),
		ForeignRealm:  b.strays.total(faultForeign),
		Disconnects:   c.disconnects.Load(),
		SlowConsumers: c.slow.Load(),
		Dropped:       c.dropped.Load(),
		Readies:       c.readies.Load(),
		ReplayResets:  c.resets.Load(),
		Replaced:      c.replaced.Load(),
		Forbidden:     c.forbidden.Load(),
	}
}

// Status is the present condition of a bus.
type Status struct {
	Connected bool   // there is a connection
	Pending   uint64 // publications that are not answered yet
}

// Status returns the bus as it stands now.
func (b *Bus) Status() Status {
	return Status{Connected: b.conn().IsConnected(), Pending: b.pub.waiting()}
}

// SnapshotStats are a bus's counters of snapshots since it was made.
type SnapshotStats struct {
	Saved  uint64 // saved and acknowledged
	Failed uint64 // attempts to save that failed, for whatever reason
	Loaded uint64 // loaded and whole
	Broken uint64 // snapshots that a reader found not whole or not readable
}

// Snapshots returns the counters.
func (b *Bus) Snapshots() SnapshotStats {
	c := &b.counts
	return SnapshotStats{
		Saved: c.saved.Load(), Failed: c.unsaved.Load(), Loaded: c.loaded.Load(), Broken: c.broken.Load(),
	}
}
