package publisherapi

import (
	"context"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// For makes a [publisher.Publisher] serve the interface.
func For(p *publisher.Publisher) Publisher { return adapter{p} }

// adapter has p's methods, and those of another signature in its own words.
type adapter struct{ p *publisher.Publisher }

func (c Call) options() []revocast.CallOption {
	var o []revocast.CallOption
	if c.Strength != 0 {
		o = append(o, revocast.WithStrength(c.Strength))
	}
	if c.Idempotency != "" {
		o = append(o, revocast.WithIdempotencyKey(c.Idempotency))
	}
	return o
}

func (a adapter) Revoke(ctx context.Context, r revocast.Revocation, c Call) (revocast.Receipt, error) {
	return a.p.Revoke(ctx, r, c.options()...)
}

func (a adapter) RevokeBatch(ctx context.Context, list []revocast.Revocation, c Call) ([]revocast.Receipt, error) {
	return a.p.RevokeBatch(ctx, list, c.options()...)
}

func (a adapter) Logout(ctx context.Context, claims *revocast.Claims, c Call) (revocast.Receipt, error) {
	return a.p.Logout(ctx, claims, c.options()...)
}

func (a adapter) PasswordChanged(ctx context.Context, p apitypes.PasswordChanged, c Call) (revocast.Receipt, error) {
	return a.p.PasswordChanged(ctx, revocast.PasswordChange{
		Principal: p.Principal, Issuer: p.Issuer, KeepSession: p.KeepSession, Initiator: p.Initiator,
	}, c.options()...)
}

func (a adapter) Ban(ctx context.Context, b revocast.Ban, c Call) (revocast.Receipt, error) {
	return a.p.Ban(ctx, b, c.options()...)
}

func (a adapter) Unban(ctx context.Context, b revocast.Ban, c Call) (revocast.Receipt, error) {
	return a.p.Unban(ctx, b, c.options()...)
}

func (a adapter) Invalidate(ctx context.Context, i revocast.Invalidation, c Call) (revocast.Receipt, error) {
	return a.p.Invalidate(ctx, i, c.options()...)
}

func (a adapter) Preview(ctx context.Context, list []revocast.Revocation) (publisher.Preview, error) {
	return a.p.Preview(ctx, list)
}

func (a adapter) Bans(ctx context.Context, cursor string) ([]publisher.BannedKey, string, error) {
	return a.p.Bans(ctx, cursor)
}

func (a adapter) KeyFor(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.Key, error) {
	return a.p.KeyFor(ctx, scope, issuer, id)
}

func (a adapter) Await(ctx context.Context, at revocast.Position) (revocast.Receipt, error) {
	return a.p.Await(ctx, at)
}

func (a adapter) Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error) {
	return a.p.Standing(ctx, scope, issuer, id)
}

func (a adapter) Tip(ctx context.Context) (revocast.Position, error) { return a.p.Tip(ctx) }

func (a adapter) Watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error {
	return a.p.Watch(ctx, after, on)
}

func (a adapter) Fleet(ctx context.Context) (apitypes.Fleet, error) {
	s, err := a.p.Status(ctx)
	if err != nil {
		return apitypes.Fleet{}, err
	}
	return NewFleet(s), nil
}

// NewFleet puts a status into JSON's terms.
func NewFleet(s publisher.FleetStatus) apitypes.Fleet {
	d := s.Ledger
	out := apitypes.Fleet{
		Ledger: apitypes.Ledger{
			State: d.State.String(), Position: d.Position.String(), Durable: d.Durable.String(), Trimmed: d.Trimmed.String(),
			Settled: d.Settled, Server: d.Server, Now: apitypes.Millis(d.Now),
			LeaseMS: apitypes.DurationMS(d.Terms.Lease), FenceMS: apitypes.DurationMS(d.Terms.Fence),
			Drift: d.Terms.Drift, DefaultIssuer: d.Terms.DefaultIssuer,
			SkewMS: apitypes.DurationMS(d.Terms.SkewOrDefault()), PublisherAheadMS: apitypes.DurationMS(s.Publisher.ClockAhead),
			FleetAheadMS: apitypes.DurationMS(s.Publisher.FleetAhead), LargestLeadMS: float64(d.Lead),
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
		Worker:  m.ID.Worker, Incarnation: m.ID.Incarnation, Version: m.Version,
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
