package events

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Tail implements [port.Bus] with a core subscription. Callbacks run on the goroutine that called
// Tail; those that are nil are left out. It returns nil when ctx has ended, and
// [revocast.ErrUnavailable] when the owner of the connection closed it. Nothing that the server
// says ends it: a connection that the server closes is replaced, and a subscription that it does
// not permit, which is Lost with [revocast.ErrUnsuited], is asked for again every few seconds.
func (b *Bus) Tail(ctx context.Context, h port.TailHandler) error {
	l := listener{bus: b, subject: b.names.events, ready: h.Ready, suspect: h.Suspect, deaf: h.Lost}
	l.message = func(m *nats.Msg) { b.tailed(m, &h) }
	return l.run(ctx)
}

func (b *Bus) tailed(m *nats.Msg, h *port.TailHandler) {
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

// Acks implements [port.Bus]. on runs on the goroutine that called Acks. It ends
// as Tail does. [Options.AcksReady] says when the subscription is in force, [Options.AcksLost] when it
// is not any more.
func (b *Bus) Acks(ctx context.Context, on func(port.Ack)) error {
	l := listener{bus: b, subject: b.names.acks, ready: b.opts.AcksReady, deaf: b.opts.AcksLost}
	l.message = func(m *nats.Msg) {
		b.counts.acksReceived.Add(1)
		var a port.Ack
		if b.readAck(m, &a) == nil {
			on(a)
		}
	}
	return l.run(ctx)
}

// Acknowledge implements [port.Bus]. Without a connection it fails with [revocast.ErrUnavailable];
// the next acknowledgement says the same and more. While NATS refuses acknowledgements, it fails
// with [revocast.ErrUnsuited], and still sends one a second.
func (b *Bus) Acknowledge(a port.Ack) error {
	send, refused := b.refusals.acks.may(time.Now())
	if !send {
		return refused
	}
	data, err := appendAck(make([]byte, 0, ackHead+2+len(a.Member.Worker)+len(a.Member.Incarnation)), b.names.hash, &a)
	if err != nil {
		return err
	}
	if err := b.send(&nats.Msg{Subject: b.names.ack(a.Member.Class, a.Member.Worker), Data: data}); err != nil {
		return unavailable("acknowledge", err)
	}
	b.counts.acksSent.Add(1)
	return refused
}
