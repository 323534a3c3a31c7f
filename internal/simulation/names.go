package simulation

import (
	"bytes"
	"context"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/publisher"
)

var secrets = option.Must(names.New(bytes.Repeat([]byte("n"), names.MinSecret)))

// secrets are what the processes have: nothing where the realm never gets a secret.
func (w *world) secrets() *names.Secrets {
	if w.s.has(MoveNames) {
		return secrets
	}
	return nil
}

// moveNames has an operator move the realm's names. What it cannot do, whatever the ledger's state, it says; the
// running publishers do the rest.
func (w *world) moveNames(Step) {
	ledger, bus := w.ledger.Link("operator"), w.bus.Link("operator")
	w.inBackground(func() {
		ctx, cancel := context.WithTimeout(context.Background(), w.patience())
		defer cancel()
		o := publisher.Options{Names: secrets, Logger: w.log, Receipts: 1}
		_, _ = publisher.MoveNames(ctx, ledger, bus, publisher.MoveOptions{Publisher: o, LeaveBehind: true})
	})
}

// states are what a store holds, under the keys of a maker.
type states struct {
	of    func(revocast.Key) revocast.State
	names *names.Maker
}

// held is what the ledger holds, under the names that it has now.
func (w *world) held() states {
	return states{w.ledger.State, option.Must(secrets.Maker(realm, w.ledger.Terms().Names))}
}

// stream is what the stream's events add up to, under all secrets.
func (w *world) stream() states {
	all := secrets.Latest(realm)
	sum := make(map[revocast.Key]revocast.State)
	for _, e := range w.bus.Events() {
		e = all.Event(e)
		sum[e.Key] = sum[e.Key].Merge(e.State())
	}
	return states{func(k revocast.Key) revocast.State { return sum[k] }, all}
}

// full is a state with its exception under all secrets.
func full(s revocast.State, made uint8) revocast.State {
	s.Except = secrets.Latest(realm).Key(s.Except, made)
	return s
}
