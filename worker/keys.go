package worker

import (
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// errKeyLost is why a bound context ends whose token's key has left the key set.
var errKeyLost = fmt.Errorf("%w: the key that signed the token is no longer in force", revocast.ErrSignature)

// holds reports whether a key is in force as far as the verifier can tell.
func (g *Guard) holds(s revocast.Signer) bool {
	return g.holder == nil || s == revocast.Signer{} || g.holder.Holds(s)
}

// forgetLost takes out what keys signed that are no longer in force, so that a cache hit
// need not ask. The keys have left before this is called. A fill in between finds that
// out by itself, after its Put; one before has its entry taken out here.
func (g *Guard) forgetLost() {
	g.view.DropIf(func(e *port.Entry) bool { return !g.holds(e.Claims.Signer) })
	g.sub.bindings.endLost()
}

// endLost cancels the contexts whose token's key is no longer in force.
func (b *bindings) endLost() {
	ended := make(map[*binding]struct{})
	b.mu.Lock()
	for _, under := range b.byKey {
		for x := range under {
			if x.lost != nil && x.lost() {
				ended[x] = struct{}{}
			}
		}
	}
	b.mu.Unlock()
	for x := range ended {
		x.cancel(errKeyLost)
	}
}
