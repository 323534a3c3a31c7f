package publisher

import (
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Preview says what a call would concern. It cannot count tokens or sessions, because neither
// store holds any.
type Preview struct {
	Revocations int // in the call
	Wide        int // of them of a scope that is wide, see [revocast.Scope.Wide]
	Workers     int // that are connected
	// Accepting is how many of the workers accept tokens of an issuer that the call
	// concerns, or do not say which they accept.
	Accepting int
	Warnings  []string // those of the receipts, each once
}

// Preview checks rs as [Publisher.RevokeBatch] would and says what they would concern. It revokes
// nothing.
func (p *Publisher) Preview(ctx context.Context, rs []revocast.Revocation) (Preview, error) {
	if len(rs) == 0 || len(rs) > revocast.MaxBatch {
		return Preview{}, fmt.Errorf("%w: %d revocations in one call, want 1 to %d", revocast.ErrInvalid, len(rs),
			revocast.MaxBatch)
	}
	terms, err := p.reader.currentTerms(ctx)
	if err != nil {
		return Preview{}, err
	}
	list, err := p.ledger.Members(ctx)
	if err != nil {
		return Preview{}, err
	}
	reaches := make([]*port.Reach, len(list.Members))
	for i, m := range list.Members {
		reaches[i] = m.Reach
	}
	all := reachOf(reaches)
	out := Preview{Revocations: len(rs), Workers: len(reaches)}
	concerned := make([]bool, len(reaches))
	for i, r := range rs {
		_, a, err := proposeRevocation(r)(p.base.realm, terms.DefaultIssuer)
		if err != nil {
			return Preview{}, inBatch(err, i, len(rs))
		}
		if r.Scope.Wide() {
			out.Wide++
		}
		for n, reach := range reaches {
			concerned[n] = concerned[n] || reach.Accepts(a.issuer)
		}
		for _, w := range append(slices.Clone(a.slips), all.warnings(p.base.realm, a)...) {
			if !slices.Contains(out.Warnings, w) {
				out.Warnings = append(out.Warnings, w)
			}
		}
	}
	for _, c := range concerned {
		if c {
			out.Accepting++
		}
	}
	return out, nil
}

// inBatch says which item of several an error is about.
func inBatch(err error, i, n int) error {
	if n > 1 {
		return fmt.Errorf("item %d: %w", i, err)
	}
	return err
}

// BannedKey is one ban that has not ended. Stores hold keys; the name is known if it was sealed, see
// [Publisher.Who].
type BannedKey struct {
	NamedKey
	Ban revocast.BanState
}

// BanPage is the answer to [Publisher.Bans].
type BanPage struct {
	Bans []BannedKey
	Next string // the cursor of the next page; empty after the last
}

// Bans lists the bans that have neither ended nor been lifted, those that begin later
// included, a page at a time: begin with cursor "" and go on with the page's Next until that is
// "". A page may be empty, and a ban may come twice.
func (p *Publisher) Bans(ctx context.Context, cursor string) (BanPage, error) {
	d, err := p.ledger.Describe(ctx)
	if err == nil {
		err = d.State.Err()
	}
	if err != nil {
		return BanPage{}, err
	}
	maker, err := p.names.maker(&d.Terms)
	if err != nil {
		return BanPage{}, err
	}
	page, err := p.ledger.Snapshot(ctx, cursor)
	bans := BanPage{Next: page.Next}
	for _, s := range page.States {
		if s.State.Ban.Until > d.Now {
			b := BannedKey{NamedKey: NamedKey{Key: s.Key}, Ban: s.State.Ban}
			b.Name, b.Err = p.names.unseal(maker, s.Key, s.Sealed, s.Names)
			bans.Bans = append(bans.Bans, b)
		}
	}
	return bans, err
}
