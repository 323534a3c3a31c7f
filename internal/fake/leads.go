package fake

import (
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// The times that the book of leads uses.
const (
	enough = 4   // tokens that bear a lead out
	band   = 500 // ms: clocks that are behind by less are in step
)

// lead is by how much an issuer's clock is ahead, as one turn of the book has it.
type lead struct {
	known bool
	ms    int64
	n     int   // tokens that bear it out
	last  int64 // iat of the latest of them
	whole bool  // they have whole seconds
}

func larger(a, b lead) lead {
	if !a.known || b.known && b.ms > a.ms {
		return b
	}
	return a
}

// bookLine is an issuer's line in the book of a class.
type bookLine struct {
	class  string
	issuer revocast.Key
}

// issuerLead is what a book holds of one issuer.
type issuerLead struct {
	turn       uint64 // in which it was written
	this, last lead
}

// in is an issuer's leads as they count in a turn.
func (i issuerLead) in(turn uint64) (this, last lead) {
	switch i.turn {
	case turn:
		return i.this, i.last
	case turn - 1:
		return lead{}, i.this
	}
	return lead{}, lead{}
}

// Sight implements [port.Ledger].
func (k *LedgerLink) Sight(ctx context.Context, s port.Sighting) (port.Sighted, error) {
	if s.Issuer.IsZero() || s.Issued < 0 || s.Issued > revocast.Forever ||
		max(s.Known, -s.Known) > port.MaxSkew.Milliseconds() {
		report(k.server().report, "%s has seen %+v", k.name, s)
		return port.Sighted{}, fmt.Errorf("%w: fake: sighting %+v", revocast.ErrInvalid, s)
	}
	return do(ctx, k, OpSight, s, revocast.ErrUnavailable, func(l *Ledger) (port.Sighted, error) {
		if err := l.books.serves(); err != nil {
			return port.Sighted{}, err
		}
		if !slices.Contains(l.books.classes, k.class) {
			return port.Sighted{}, errClass(k.class)
		}
		if s.Names != l.books.terms.Names.Secrets {
			return port.Sighted{}, fmt.Errorf("%w: fake: an issuer's key of %d secrets", revocast.ErrNames, s.Names)
		}
		return l.books.sight(k.class, s, l.now()), nil
	})
}

func (b *books) sight(class string, s port.Sighting, now int64) port.Sighted {
	skew := b.terms.SkewOrDefault().Milliseconds()
	if s.Issued > 0 && s.Issued-now > skew {
		return port.Sighted{Now: now, Beyond: true}
	}
	line := bookLine{class, s.Issuer}
	found, _ := b.leads.get(line)
	this, last := found.in(b.turn)
	if s.Known != 0 && s.Known <= skew && (!this.known || s.Known > this.ms) && (!last.known || s.Known > last.ms) {
		this = lead{known: true, ms: s.Known}
	}
	if s.Issued > 0 {
		this = this.saw(s.Issued, s.Issued-now)
	}
	b.leads.put(&b.history, line, issuerLead{turn: b.turn, this: this, last: last})
	best := larger(this, last)
	out := port.Sighted{Now: now, Lead: best.ms, Sure: best.n >= enough, Last: this.last}
	if !best.known {
		out.Lead = -revocast.Forever
	}
	return out
}

// saw takes in a token.
func (a lead) saw(issued, ahead int64) lead {
	whole := issued%1000 == 0
	near, apart := int64(250), int64(1000)
	if whole {
		near, apart = 1000, 4000
	}
	switch {
	case !a.known || ahead > a.ms+near:
		return lead{known: true, ms: ahead, n: 1, last: issued, whole: whole}
	case ahead < a.ms-near:
		return a
	}
	a.ms = max(a.ms, ahead)
	if a.n < enough && max(issued-a.last, a.last-issued) >= apart {
		a.whole = whole && (a.whole || a.n == 0)
		a.n, a.last = a.n+1, issued
	}
	return a
}

// largestLead is the largest lead of any issuer, zero where none is ahead.
func (b *books) largestLead() (most int64) {
	for _, i := range b.leads.m {
		if best := larger(i.in(b.turn)); best.known {
			most = max(most, best.ms)
		}
	}
	return min(most, b.terms.SkewOrDefault().Milliseconds())
}

// leadFor is by how much a cut-off of now is ahead of the ledger's clock.
func (b *books) leadFor(r revocast.Reckoning, now int64) int64 {
	skew := b.terms.SkewOrDefault().Milliseconds()
	var best lead
	unseen := false // by a class, so that no other may say that the issuer's clock is behind
	if r.Issuer.IsZero() {
		for _, i := range b.leads.m {
			best = larger(best, larger(i.in(b.turn)))
		}
		best.n = 0
	} else {
		for _, class := range b.classes {
			found, _ := b.leads.get(bookLine{class, r.Issuer})
			evidence := larger(found.in(b.turn))
			best, unseen = larger(best, evidence), unseen || !evidence.known
		}
	}
	if best.ms < -skew {
		best = lead{} // nothing but old tokens, which tell nothing
	}
	is := int64(0)
	switch {
	case r.Ahead > 0:
		is = r.Ahead
	case best.known && best.n >= enough:
		is = best.ms
		if best.whole {
			is += 999
		}
	case r.Ahead < 0 && (!best.known || best.ms <= r.Ahead+band):
		is = r.Ahead
	}
	if is < 0 && (is > -band || unseen && len(b.classes) > 1) {
		is = 0
	}
	if b.moved && b.turn-b.movedTurn < 2 { // what was registered before is under other names
		is = max(is, b.largestLead())
	}
	if best.known {
		is = max(is, best.ms)
	}
	is = max(-skew, min(skew, is))
	if !b.settled {
		is = max(is, min(skew, r.Lead))
	}
	return min(skew, is+min(skew, max(0, r.Now-now)))
}

// TurnLeads implements [port.Ledger].
func (k *LedgerLink) TurnLeads(ctx context.Context, over uint64) (uint64, error) {
	return do(ctx, k, OpLeads, over, revocast.ErrOutcomeUnknown, func(l *Ledger) (uint64, error) {
		b := &l.books
		if err := b.serves(); err != nil {
			return 0, err
		}
		if b.turn == over {
			b.turn++
		}
		return b.turn, nil
	})
}
