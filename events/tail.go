package events

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
)

// Tail implements [revocast.Bus] with a core subscription. Callbacks run on the
// goroutine that called Tail; those that are nil are left out. It returns nil when ctx
// has ended, [revocast.ErrUnavailable] when the connection was closed, and
// [revocast.ErrUnsuited] when the server does not permit the subscription. A lost
// connection does not end it.
func (b *Bus) Tail(ctx context.Context, h revocast.TailHandler) error {
	l := listener{bus: b, subject: b.names.events, ready: h.Ready, suspect: h.Suspect}
	l.message = func(m *nats.Msg) { b.tailed(m, &h) }
	return l.run(ctx)
}

func (b *Bus) tailed(m *nats.Msg, h *revocast.TailHandler) {
	b.counts.tailReceived.Add(1)
	var e revocast.Event
	err := b.readEvent(m.Subject, m.Data, &e)
	switch {
	case err == nil:
		if h.Event != nil {
			h.Event(e)
		}
	case errors.Is(err, errForeign): // nothing of ours is lost with it
	case h.Suspect != nil:
		h.Suspect(err)
	}
}

// Acks implements [revocast.Bus]. on runs on the goroutine that called Acks. It ends
// as Tail does. [Options.AcksReady] says when the subscription is in force.
func (b *Bus) Acks(ctx context.Context, on func(revocast.Ack)) error {
	l := listener{bus: b, subject: b.names.acks, ready: b.opts.AcksReady}
	l.message = func(m *nats.Msg) {
		b.counts.acksReceived.Add(1)
		var a revocast.Ack
		if b.readAck(m, &a) == nil {
			on(a)
		}
	}
	return l.run(ctx)
}

// Acknowledge implements [revocast.Bus]. Without a connection it fails with
// [revocast.ErrUnavailable]; the next acknowledgement says the same and more.
func (b *Bus) Acknowledge(a revocast.Ack) error {
	data, err := appendAck(make([]byte, 0, ackHead+2+len(a.Member.Worker)+len(a.Member.Incarnation)), b.names.hash, &a)
	if err != nil {
		return err
	}
	if err := b.send(&nats.Msg{Subject: b.names.ack(a.Member.Worker), Data: data}); err != nil {
		return unavailable("acknowledge", err)
	}
	b.counts.acksSent.Add(1)
	return nil
}
