package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// stolen is a class of workers whose credentials somebody has stolen. It has no worker of its own, so
// whatever is said in its name is a lie. Guarantee G6 says that the other classes do not feel it, but
// for a confirmation that takes up to a lease longer.
const stolen = "stolen"

// lies is how often a liar repeats itself while a step lasts.
const lies = 24

// liar uses the credentials of the stolen class for as long as the step says.
func (w *world) liar(s Step) {
	lie := [...]func(Step){
		w.lieAcks, w.lieAcks, w.lieAcks, w.lieLeaves, w.lieLeaves, w.lieJoins, w.lieJoins, w.lieSights, w.lieBuries,
	}[s.How%9]
	for n := range lies {
		w.later(s.For*time.Duration(n)/lies, func() { lie(s) })
	}
}

// of is the class in whose name the liar speaks: the stolen one, wherever stores keep classes apart.
func (w *world) of(apart bool) string {
	if apart {
		return stolen
	}
	return port.DefaultClass
}

// thief is the liar's connection to the ledger.
func (w *world) thief(class string) *fake.LedgerLink { return w.ledger.LinkOf(class, "thief") }

// honest are the members of the fleet as they call themselves.
func (w *world) honest() []port.MemberID {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	found, err := w.ledger.Link("onlooker").Members(ctx)
	if err != nil {
		return nil
	}
	var ids []port.MemberID
	for _, m := range found.Members {
		if m.ID.Class == port.DefaultClass {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// lieAcks says that workers which have the names of honest ones have applied everything, or more.
func (w *world) lieAcks(s Step) {
	at := w.ledger.Position()
	if s.How/9%4 == 0 {
		at.Rev += uint64(s.What % 100)
	}
	for _, id := range w.honest() {
		id.Class = w.of(!w.mutant.AnyAck)
		w.bus.InjectAck(port.Ack{Member: id, Applied: at})
	}
}

// lieLeaves says that workers which have the names of honest ones are gone.
func (w *world) lieLeaves(Step) {
	class := w.of(!w.mutant.AnyMember)
	for _, id := range w.honest() {
		id.Class = class
		w.quickly(func(ctx context.Context) { _ = w.thief(class).Leave(ctx, id) })
	}
}

// lieJoins registers workers that acknowledge nothing, or everything at some times.
func (w *world) lieJoins(s Step) {
	at := w.ledger.Position()
	id := port.MemberID{Class: stolen, Worker: w.names[s.Who], Incarnation: fmt.Sprint(s.What % 3)}
	w.quickly(func(ctx context.Context) {
		_, _ = w.thief(stolen).Renew(ctx, port.Renewal{Member: id, Applied: at, Limit: 1, Version: "liar"})
	})
	if s.How/9%3 == 0 {
		w.bus.InjectAck(port.Ack{Member: id, Applied: at})
	}
}

// lieSights says that the issuer's clock is as far ahead as a ledger believes, or behind.
func (w *world) lieSights(s Step) {
	ahead := w.terms.SkewOrDefault() * time.Duration(s.What%9-4) / 4
	sighting := port.Sighting{
		Issuer: revocast.IssuerKey(realm, issuer), Issued: time.Now().Add(w.ahead + ahead).UnixMilli(),
	}
	w.quickly(func(ctx context.Context) { _, _ = w.thief(stolen).Sight(ctx, sighting) })
}

// lieBuries has the server of the bus answer into the stream of the epoch's records.
func (w *world) lieBuries(Step) { w.bus.Bury() }

// quickly gives a call of the liar's little time.
func (w *world) quickly(call func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	call(ctx)
}

// heldUp checks how long a call took, where nothing was the matter but a liar.
func (w *world) heldUp(what string, took time.Duration) {
	if !w.s.has(Liar) || w.s.Slow || w.s.Index != 0 ||
		slices.ContainsFunc(w.s.Steps, func(s Step) bool { return s.Kind.fault() && s.Kind != Liar }) {
		return
	}
	if longest := w.terms.SettleWait() + 100*time.Millisecond; took > longest {
		w.fail(RuleLive, "a liar has held up %s for %s, longer than %s", what, took, longest)
	}
}
