package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// namer makes keys as the realm's terms ask for, see package names.
type namer struct {
	realm   string
	secrets *names.Secrets
	sealer  *names.Sealer // nil: names are not sealed
	latest  atomic.Pointer[names.Maker]
}

// newNamer is for options that are complete.
func newNamer(realm string, o Options) *namer {
	n := &namer{realm: realm, secrets: o.Names}
	if o.NameKeys != nil {
		n.sealer, _ = o.NameKeys.Sealer(realm)
	}
	return n
}

// maker fails with [revocast.ErrNames] if this publisher does not have the secrets.
func (n *namer) maker(t *port.Terms) (*names.Maker, error) {
	if m := n.latest.Load(); m != nil && m.Naming() == t.Names {
		return m, nil
	}
	m, err := n.secrets.Maker(n.realm, t.Names)
	if err != nil {
		return nil, err
	}
	n.latest.Store(m)
	return m, nil
}

// movedError says that the stream holds keys that are made with more secrets than the terms have: the names were
// moved, and both the ledger and the epoch's record have forgotten it. Such keys say nothing about the ledger's.
type movedError struct{ secrets uint8 }

func (e movedError) Error() string {
	return fmt.Sprintf("%v: the stream has keys that are made with %d, more than the ledger knows of",
		revocast.ErrNames, e.secrets)
}

func (e movedError) Unwrap() error { return revocast.ErrNames }

// current returns an event of the stream with keys as the terms ask for, or fails with a [movedError]. That needs
// the secrets only where the event's keys are older.
func (n *namer) current(t *port.Terms, e revocast.Event) (revocast.Event, error) {
	switch {
	case e.Names == t.Names.Secrets:
		return e, nil
	case e.Names > t.Names.Secrets:
		return e, movedError{e.Names}
	}
	maker, err := n.maker(t)
	if err != nil {
		return e, err
	}
	return maker.Event(e), nil
}

// named calls do with what makes keys by the terms that this publisher knows. If the ledger's are others by
// now, it is called once more, with those.
func (n *namer) named(ctx context.Context, r *reader, do func(*names.Maker) error) error {
	for again := true; ; again = false {
		terms, err := r.currentTerms(ctx)
		if err != nil {
			return err
		}
		maker, err := n.maker(terms)
		if err == nil {
			err = do(maker)
		}
		if !again || !errors.Is(err, revocast.ErrNames) {
			return err
		}
		r.terms.CompareAndSwap(terms, nil)
	}
}

// made returns proposals with the keys that maker makes.
func made(maker *names.Maker, proposals []revocast.Event) []revocast.Event {
	proposals = slices.Clone(proposals)
	for i, e := range proposals {
		proposals[i] = maker.Event(e)
	}
	return proposals
}

// sameNames fails with [revocast.ErrNames] if an answer is about keys that were made in another way.
func sameNames(maker *names.Maker, t port.Terms) error {
	if maker.Naming() != t.Names {
		return fmt.Errorf("%w: the realm's names are hashed in another way now", revocast.ErrNames)
	}
	return nil
}
