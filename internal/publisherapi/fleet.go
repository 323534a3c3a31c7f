package publisherapi

import (
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// NewFleet puts a status into JSON's terms.
func NewFleet(s publisher.FleetStatus) apitypes.Fleet {
	d := s.Ledger
	out := apitypes.Fleet{
		Ledger: apitypes.Ledger{
			State: d.State.String(), Position: d.Position.String(), Durable: d.Durable.String(),
			Trimmed: d.Trimmed.String(),
			Settled: d.Settled, Server: d.Server, Now: apitypes.Millis(d.Now),
			LeaseMS: apitypes.DurationMS(d.Terms.Lease), FenceMS: apitypes.DurationMS(d.Terms.Fence),
			Drift: d.Terms.Drift, DefaultIssuer: d.Terms.DefaultIssuer,
			SkewMS:           apitypes.DurationMS(d.Terms.SkewOrDefault()),
			PublisherAheadMS: apitypes.DurationMS(s.Publisher.ClockAhead),
			FleetAheadMS:     apitypes.DurationMS(s.Publisher.FleetAhead), LargestLeadMS: float64(d.Lead),
		},
		Stream:  newStream(d, s.Publisher.StreamError),
		Unacked: int(max(0, behind(d.Position, d.Durable))), OldestUnackedMS: apitypes.DurationMS(s.OldestUnacked),
		Waiting: s.Publisher.Waiting, Workers: make([]apitypes.Worker, len(s.Membership.Members)),
	}
	if d.State == port.LedgerOpen {
		out.Warnings = s.Warnings()
	}
	for i, m := range s.Membership.Members {
		out.Workers[i] = newWorker(m, s.Membership, d.Terms)
		if i < len(s.Answering) {
			out.Workers[i].Acknowledges = s.Answering[i].String()
		}
	}
	return out
}

func newStream(d port.Description, latest error) apitypes.Stream {
	var out apitypes.Stream
	if latest != nil {
		out.Error = latest.Error()
	}
	mark := d.Mark.Point
	if mark.Created == 0 {
		return out
	}
	out.Whole, out.Sequence = d.Mark.Complete.String(), mark.Sequence
	out.Created = apitypes.At(time.Unix(0, mark.Created))
	out.SeenAt, out.AgeMS = apitypes.Millis(d.Marked), max(0, d.Now-d.Marked)
	return out
}

func newWorker(m port.Member, all port.Membership, t port.Terms) apitypes.Worker {
	left := t.LeaseFor() - time.Duration(all.Now-m.Seen)*time.Millisecond
	var issuers []string
	if m.Reach != nil {
		for _, i := range m.Reach.Issuers {
			issuers = append(issuers, i.Name)
		}
	}
	return apitypes.Worker{
		Issuers: issuers,
		Class:   m.ID.Class, Worker: m.ID.Worker, Incarnation: m.ID.Incarnation, Version: m.Version,
		Position: m.Applied.String(), Lag: behind(all.Position, m.Applied),
		Seen: apitypes.Millis(m.Seen), LeaseLeftMS: apitypes.DurationMS(max(0, left)), ClockAheadMS: float64(m.Ahead),
	}
}

// behind is how many revisions there are from p to tip; -1 if the epochs differ,
// so that the two cannot be compared.
func behind(tip, p revocast.Position) int64 {
	if tip.Epoch != p.Epoch {
		return -1
	}
	return int64(tip.Rev) - int64(p.Rev)
}
