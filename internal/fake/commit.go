package fake

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// The ledger's tolerances, in milliseconds.
const (
	leeway = int64(revocast.MaxLeeway / 1_000_000) // how long past exp a verifier may accept a token
	latest = 253402300799000                       // the last second that RFC 3339 can write
	inStep = 10_000                                // how far the clock may be from what a publisher reckons
)

// Commit implements [port.Ledger].
func (k *LedgerLink) Commit(ctx context.Context, idempotency string, proposals []revocast.Event) (port.Commit, error) {
	if len(proposals) == 0 || len(proposals) > revocast.MaxBatch {
		report(k.server().report, "%s commits %d proposals", k.name, len(proposals))
		return port.Commit{}, fmt.Errorf("%w: fake: %d proposals", revocast.ErrInvalid, len(proposals))
	}
	if idempotency == "" {
		report(k.server().report, "%s commits without an idempotency key", k.name)
	}
	for i, p := range proposals {
		err := checkProposal(p)
		if p.Names != proposals[0].Names {
			err = fmt.Errorf("its key is made with other name secrets than that of the first one")
		}
		if err != nil {
			report(k.server().report, "%s proposes %+v: %v", k.name, p, err)
			return port.Commit{}, fmt.Errorf("%w: fake: proposal %d: %w", revocast.ErrInvalid, i+1, err)
		}
		recommit := p.Kind == revocast.KindBanned || p.Kind == revocast.KindLifted
		if !p.Position.IsZero() && !recommit {
			report(k.server().report, "%s proposes what has a position already: %+v", k.name, p)
		}
	}
	proposals = slices.Clone(proposals)
	return do(ctx, k, OpCommit, proposals, revocast.ErrOutcomeUnknown, func(l *Ledger) (port.Commit, error) {
		return l.commit(idempotency, proposals)
	})
}

// checkProposal refuses what no ledger should see, whatever its clock says.
func checkProposal(p revocast.Event) error {
	inRange := func(ms int64) bool { return ms >= 0 && ms <= revocast.Forever }
	switch {
	case !p.Kind.Valid() || !p.Scope.Valid() || p.Key.IsZero():
		return fmt.Errorf("kind %s, scope %s, key %s", p.Kind, p.Scope, p.Key)
	case !inRange(p.CutOff) || !inRange(p.Until) || !inRange(p.From):
		return fmt.Errorf("a time is before 1970 or beyond %d", revocast.Forever)
	case !p.Except.IsZero() && p.Scope.Outright():
		return fmt.Errorf("a %s has no exception", p.Scope)
	case len(p.Sealed) > revocast.MaxSealed:
		return fmt.Errorf("the sealed name is too long")
	case len(p.Reason) > revocast.MaxReason || len(p.Initiator) > revocast.MaxReason:
		return fmt.Errorf("reason or initiator is too long")
	}
	return nil
}

func (l *Ledger) commit(idempotency string, proposals []revocast.Event) (port.Commit, error) {
	b, now := &l.books, l.now()
	if err := b.serves(); err != nil {
		return port.Commit{}, err
	}
	if n := b.terms.Names.Secrets; n > 0 && idempotency != "" {
		idempotency = fmt.Sprint(idempotency, " under ", n)
	}
	out := port.Commit{Settled: b.settled, Terms: b.terms}
	if first, known := b.answers.get(idempotency); idempotency != "" && known && first.forget > now {
		if !slices.EqualFunc(first.proposals, proposals, sameProposal) {
			return port.Commit{}, fmt.Errorf("%w: fake: the idempotency key was used for something else",
				revocast.ErrConflict)
		}
		out.Epoch, out.Generation = first.epoch, first.generation
		out.Entries, out.Repeated = slices.Clone(first.entries), true
		return out, nil
	}
	for _, p := range proposals {
		if p.Names != b.terms.Names.Secrets {
			return port.Commit{}, fmt.Errorf("%w: fake: keys of %d secrets", revocast.ErrNames, p.Names)
		}
	}
	filled := make([]proposal, len(proposals))
	for i, p := range proposals {
		var err error
		at := timeOf(p, now)
		if at != now { // a clock that jumped is nothing to compare with
			p.Reckoned.Ahead, p.Reckoned.Now = 0, 0
		}
		if filled[i], err = fillIn(p, b, at, min(at, now)); err != nil {
			return port.Commit{}, fmt.Errorf("%w: fake: proposal %d: %w", revocast.ErrInvalid, i+1, err)
		}
	}
	b.keep()
	for _, p := range filled {
		out.Entries = append(out.Entries, l.commitOne(p))
	}
	out.Epoch, out.Generation = b.epoch, b.generation()
	b.answers.put(&b.history, idempotency, answer{
		proposals: proposals, entries: slices.Clone(out.Entries), epoch: out.Epoch, generation: out.Generation,
		forget: now + l.o.RememberFor.Milliseconds(),
	})
	l.annals.reach(b.position())
	return out, nil
}

// sameProposal compares what a publisher asks for. When it asked is not a part of it.
func sameProposal(a, b revocast.Event) bool {
	a.At, b.At = 0, 0
	a.Sealed, b.Sealed = "", "" // no two are alike
	a.Reckoned, b.Reckoned = revocast.Reckoning{}, revocast.Reckoning{}
	return a == b
}

// timeOf is the time at which p is made: the ledger's own, unless its clock has jumped away
// from what the publisher reckons.
func timeOf(p revocast.Event, now int64) int64 {
	if p.At != 0 && max(p.At-now, now-p.At) > inStep {
		return p.At
	}
	return now
}

// proposal is an event with the ledger's own times filled in. enough is until when a
// state must stand for the proposal to count as covered.
type proposal struct {
	revocast.Event
	enough int64
}

// fillIn fills in the times. An end is past if it is before earliest, which is now, or what the ledger's clock shows
// if that is less.
func fillIn(e revocast.Event, b *books, now, earliest int64) (proposal, error) {
	e.At = now
	p := proposal{Event: e}
	p.Reckoned = revocast.Reckoning{}
	switch e.Kind {
	case revocast.KindRevoked:
		return p, p.fillRevoked(b, e.Reckoned, now, earliest)
	case revocast.KindBanned:
		if p.Until <= earliest {
			return p, fmt.Errorf("the ban's end is in the past")
		}
		if p.From >= p.Until {
			return p, fmt.Errorf("the ban ends before it starts")
		}
	}
	return p, nil
}

func (p *proposal) fillRevoked(b *books, r revocast.Reckoning, now, earliest int64) error {
	terms := b.terms
	if p.CutOff == 0 {
		p.CutOff = now + b.leadFor(r, now)
		if p.From > 0 { // decided then, by this clock, and about times by this clock too
			p.CutOff = p.From + max(0, p.CutOff-now)
		}
		if p.Scope.Outright() {
			p.CutOff = revocast.Forever
		}
	}
	p.From = 0
	switch {
	case p.Scope.Outright() && p.CutOff != revocast.Forever:
		return fmt.Errorf("a %s is dead outright", p.Scope)
	case p.CutOff != revocast.Forever && p.CutOff > now+terms.SkewOrDefault().Milliseconds():
		return fmt.Errorf("the cut-off is in the future")
	case p.Until != 0 && p.Until+leeway+margin <= earliest:
		return fmt.Errorf("until is in the past")
	}
	longest := terms.MaxLifetime[p.Scope-1].Milliseconds()
	switch {
	case p.Until == 0 && longest == 0:
		return fmt.Errorf("no longest lifetime for scope %s", p.Scope)
	case p.Until == 0:
		p.Until = now + longest
	case p.Scope != revocast.ScopeToken && longest > 0:
		from := p.CutOff
		if from == revocast.Forever {
			from = now
		}
		p.Until = max(p.Until, from+longest)
	}
	p.enough = max(p.Until, min(p.Until+leeway, latest))
	p.Until = max(p.Until, min(p.enough+margin, latest))
	return nil
}

// commitOne merges one proposal. A proposal that changes nothing is answered with what covers it.
func (l *Ledger) commitOne(p proposal) port.CommitEntry {
	b, now := &l.books, p.At
	e := p.Event
	if e.Kind == revocast.KindInvalidated {
		return port.CommitEntry{Event: b.append(e, now), Fresh: true}
	}
	s := b.load(e.Key)
	if e.Kind == revocast.KindLifted {
		e.Until = s.State.Until // the tombstone has to outlive what it lifts
	}
	if known, again := covered(s.State, p); known && !(again && b.inDoubt(s)) {
		e.Position = b.position()
		if !s.State.At.IsZero() {
			e.Position, e.At, e.Until = s.State.At, s.changed, s.State.Until
			if e.Kind == revocast.KindRevoked {
				e.CutOff, e.Except = s.State.CutOff, s.State.Except
			}
		}
		return port.CommitEntry{Event: e}
	}
	e = b.append(e, now)
	if standing := s.State.Ban.At; !p.Position.IsZero() && standing == p.Position {
		s.State.At = e.Position
	} else {
		s.State = s.State.Merge(e.State())
	}
	s.changed = now
	s.Sealed = cmp.Or(e.Sealed, s.Sealed)
	b.save(e.Key, e.Scope, s)
	return port.CommitEntry{Event: e, Fresh: true}
}

// covered reports whether s holds p already, and whether p may be logged again without
// overriding anything.
func covered(s revocast.State, p proposal) (known, again bool) {
	if !p.Position.IsZero() && !s.Ban.At.Before(p.Position) {
		return true, s.Ban.At == p.Position // committed before, and survived or was overridden
	}
	switch p.Kind {
	case revocast.KindRevoked:
		e := p.Event
		e.Position, e.Until = s.At, p.enough
		return s.Merge(e.State()) == s, true
	case revocast.KindLifted:
		return s.Ban.Until == 0, true
	}
	return false, false
}

// inDoubt reports whether a part of a state may be missing in the stream, so that it must be logged again to
// become durable. A later change of a state says nothing about its other parts.
func (s *sheet) inDoubt(of standing) bool {
	if of.State.At.IsZero() || s.doubt == 0 {
		return false
	}
	return of.State.At.Epoch <= s.doubt || of.Born != 0 && of.Born <= s.doubtBorn
}
