package worker

import (
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// The keys of tokens are made with the realm's name secrets, see package names. Until the ledger has said
// how many it uses, the worker takes all that it has.
//
// Keys that are made in different ways say nothing about one another. So whatever is decided from
// memory is decided by keys that were made as those in memory are: the maker changes before the memory
// is emptied and filled again, and a check that has looked something up looks at the maker after that.

// adoptNames fails unless the worker makes keys as the terms ask for. From the next try on it does, if it
// has the secrets. What is in memory stands against other keys, so the lease is given up.
func (s *Subscriber) adoptNames(t *port.Terms) error {
	if s.names.Load().Naming() == t.Names {
		return nil
	}
	s.dropLease()
	maker, err := s.o.Names.Maker(s.realm, t.Names)
	if err != nil {
		s.setReady(err)
		return err
	}
	s.names.Store(maker)
	s.loaded, s.unsighted = false, true
	s.beginLoad()
	s.bindings.endNames(maker)
	return fmt.Errorf("%w: the realm's names are hashed with %d secrets now; loading again", revocast.ErrUnavailable,
		t.Names.Secrets)
}

// errOtherNames is the cause that ends a bound context when the realm's names are hashed in another way.
var errOtherNames = fmt.Errorf("%w: the realm's names are hashed in another way now; bind again", revocast.ErrUnknown)

// endNames cancels the contexts whose keys were made by another maker.
func (b *bindings) endNames(maker *names.Maker) {
	ended := make(map[*binding]struct{})
	b.mu.Lock()
	for _, under := range b.byKey {
		for x := range under {
			if x.names != maker {
				ended[x] = struct{}{}
			}
		}
	}
	b.mu.Unlock()
	for x := range ended {
		x.cancel(errOtherNames)
	}
}

// sameNames fails if an answer of the ledger is about keys that were made in another way.
func sameNames(maker *names.Maker, t *port.Terms) error {
	if maker.Naming() != t.Names {
		return fmt.Errorf("%w: the ledger's keys have the check %q, this worker's %q", revocast.ErrNames, t.Names.Check,
			maker.Naming().Check)
	}
	return nil
}
