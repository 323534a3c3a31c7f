package events

import (
	"sync/atomic"
	"time"
)

// Stats are a bus's counters since it was made.
type Stats struct {
	Published     uint64 // publications handed to the connection
	Acknowledged  uint64 // publications that JetStream acknowledged, duplicates included
	Duplicates    uint64 // of these, those that the stream had already: repeats
	Refused       uint64 // publications that were answered with an error
	Pending       uint64 // publications not answered now; a gauge
	TailReceived  uint64 // messages on live tails
	ReplayedTotal uint64 // events handed out by Replay
	AcksSent      uint64 // acknowledgements sent
	AcksReceived  uint64 // messages on Acks
	Undecodable   uint64 // messages that could not be read, wherever they came in
	ForeignRealm  uint64 // messages of another realm
	Disconnects   uint64 // lost connections, as Tail and Acks saw them
	SlowConsumers uint64 // times that a subscription's buffer overflowed
	Dropped       uint64 // messages lost that way
	Readies       uint64 // times that a subscription was confirmed in force
	ReplayResets  uint64 // times that Replay had to start a consumer anew
}

type counters struct {
	published, acknowledged, duplicates, refused atomic.Uint64
	tailReceived, replayed                       atomic.Uint64
	acksSent, acksReceived                       atomic.Uint64
	undecodable, foreign                         atomic.Uint64
	disconnects, slow, dropped, readies, resets  atomic.Uint64
	saved, loaded, snapshotsBroken               atomic.Uint64
}

// Stats returns the counters. Each is exact; together they are not one instant.
func (b *Bus) Stats() Stats {
	c := &b.counts
	return Stats{
		Published:     c.published.Load(),
		Acknowledged:  c.acknowledged.Load(),
		Duplicates:    c.duplicates.Load(),
		Refused:       c.refused.Load(),
		Pending:       b.pub.waiting(),
		TailReceived:  c.tailReceived.Load(),
		ReplayedTotal: c.replayed.Load(),
		AcksSent:      c.acksSent.Load(),
		AcksReceived:  c.acksReceived.Load(),
		Undecodable:   c.undecodable.Load(),
		ForeignRealm:  c.foreign.Load(),
		Disconnects:   c.disconnects.Load(),
		SlowConsumers: c.slow.Load(),
		Dropped:       c.dropped.Load(),
		Readies:       c.readies.Load(),
		ReplayResets:  c.resets.Load(),
	}
}

// strayLog lets one report through a minute: whoever floods a subject must not be
// able to flood the log too.
type strayLog struct{ last atomic.Int64 }

const strayEvery = time.Minute

// due reports whether a report may be made now.
func (l *strayLog) due(now time.Time) bool {
	last := l.last.Load()
	if last != 0 && now.UnixNano()-last < int64(strayEvery) {
		return false
	}
	return l.last.CompareAndSwap(last, now.UnixNano())
}
