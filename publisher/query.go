package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// Await returns the receipt of the revocation at position p once it is confirmed, or, with
// [revocast.ErrPending], as it stands when ctx ends. Any publisher of the realm can answer.
// [revocast.ErrNotFound]: there is no such revision, or it belongs to an earlier epoch and this
// publisher does not remember it. Revoking again is always safe.
func (p *Publisher) Await(ctx context.Context, at revocast.Position) (revocast.Receipt, error) {
	return p.writer.await(ctx, at)
}

// Standing returns what stands against one id, [revocast.ErrNotFound] if nothing does. An empty
// issuer is the ledger's default issuer, as for [revocast.Revocation].
func (p *Publisher) Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error) {
	var answer port.Checked
	err := p.names.named(ctx, p.reader, func(m *names.Maker) error {
		key, err := p.KeyFor(ctx, scope, issuer, id)
		if err != nil {
			return err
		}
		if answer, err = p.ledger.Check(ctx, []revocast.Key{key}); err != nil {
			return err
		}
		return sameNames(m, answer.Terms)
	})
	if err != nil {
		return revocast.State{}, err
	}
	if len(answer.States) != 1 || answer.States[0].IsZero() {
		return revocast.State{}, fmt.Errorf("%w: nothing stands against this %s", revocast.ErrNotFound, scope)
	}
	return answer.States[0], nil
}

// Terms returns the realm's terms as this publisher knows them: they are asked for once, and each commit
// brings them again.
func (p *Publisher) Terms(ctx context.Context) (port.Terms, error) {
	terms, err := p.reader.currentTerms(ctx)
	if err != nil {
		return port.Terms{}, err
	}
	return *terms, nil
}

// KeyFor returns the key that the stores hold in place of a name. The issuer is as for
// [Publisher.Standing].
func (p *Publisher) KeyFor(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.Key, error) {
	terms, err := p.reader.currentTerms(ctx)
	if err != nil {
		return revocast.Key{}, err
	}
	probe := revocast.Revocation{Scope: scope, ID: id, Issuer: issuer}
	e, err := probe.Proposal(p.base.realm, terms.DefaultIssuer)
	if err != nil {
		return revocast.Key{}, err
	}
	maker, err := p.names.maker(terms)
	if err != nil {
		return revocast.Key{}, err
	}
	return maker.Key(e.Key, 0), nil
}

// FleetStatus is the realm as one publisher sees it.
type FleetStatus struct {
	Ledger     port.Description
	Membership port.Membership
	// Answering is how each of the members answers, in their order, as this publisher has seen.
	Answering []Answering
	// OldestUnacked is the age of the oldest event that JetStream has not acknowledged.
	OldestUnacked time.Duration
	Publisher     Status
}

// Warnings say what an operator should know about a revocation that names no issuer: that
// no worker is there, or that none accepts the ledger's default issuer.
func (s FleetStatus) Warnings() []string {
	reaches := make([]*port.Reach, len(s.Membership.Members))
	for i, m := range s.Membership.Members {
		reaches[i] = m.Reach
	}
	all := reachOf(reaches)
	if issuer := s.Ledger.Terms.DefaultIssuer; issuer != "" && all.workers > 0 && all.issuers != nil {
		if _, accepted := all.issuers[issuer]; !accepted {
			return []string{"the default issuer: " + all.unaccepted(issuer)}
		}
	}
	return nil
}

// Fleet asks the ledger for the realm and its workers as they stand.
func (p *Publisher) Fleet(ctx context.Context) (FleetStatus, error) {
	d, err := p.ledger.Describe(ctx)
	if err != nil {
		return FleetStatus{Publisher: p.Status()}, err
	}
	s := FleetStatus{Ledger: d, Publisher: p.Status()}
	if d.State != port.LedgerOpen {
		return s, nil
	}
	if s.Membership, err = p.ledger.Members(ctx); err != nil {
		return s, err
	}
	p.fleet.freshen(s.Membership.Members)
	s.Answering = p.fleet.answering(s.Membership.Members)
	if d.Durable != d.Position {
		entries, err := p.ledger.Log(ctx, d.Durable, 1)
		if err != nil {
			return s, err
		}
		if len(entries) > 0 {
			s.OldestUnacked = time.Duration(d.Now-entries[0].At) * time.Millisecond
		}
	}
	return s, nil
}

// Tip returns the ledger's present position: where to start watching from now on.
func (p *Publisher) Tip(ctx context.Context) (revocast.Position, error) {
	d, err := p.ledger.Describe(ctx)
	if err != nil {
		return revocast.Position{}, err
	}
	return d.Position, d.State.Err()
}

// Watch calls on for every event after a position, in order and without holes, until
// ctx ends or on fails. [revocast.ErrTrimmed]: the log no longer reaches back that far.
func (p *Publisher) Watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error {
	return p.watching.watch(ctx, after, on)
}
