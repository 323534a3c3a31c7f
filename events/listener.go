package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
)

const (
	// slowLook is how often a subscription that overflows is looked at again.
	slowLook = 50 * time.Millisecond
	// confirmAgain is the pause after a round trip that failed on a live connection.
	confirmAgain = 250 * time.Millisecond
)

// listener is one core subscription: its messages, and whether it can be trusted.
// Everything runs on the goroutine that called run, so callbacks are serial and none
// is left when run has returned.
type listener struct {
	bus     *Bus
	subject string
	message func(*nats.Msg)
	ready   func()
	suspect func(error)

	// Owned by run.
	sub     *nats.Subscription
	msgs    chan *nats.Msg
	inForce bool        // ready was called and nothing has been lost since
	dropped int         // messages that the subscription is known to have lost
	again   *time.Timer // fires when the subscription should be confirmed once more
	look    *time.Timer // fires when an overflowing subscription should be looked at
}

// run listens until ctx ends, which is no error, or the connection closes.
func (l *listener) run(ctx context.Context) error {
	// Listening for changes starts before subscribing: a connection lost between the
	// two is then noticed.
	status := l.bus.nc.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	defer l.bus.nc.RemoveStatusListener(status)
	l.msgs = make(chan *nats.Msg, l.bus.opts.TailBuffer)
	sub, err := l.bus.nc.ChanSubscribe(l.subject, l.msgs)
	if err != nil {
		return unavailable("subscribe to "+l.subject, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection alone
	l.sub = sub
	l.again, l.look = stoppedTimer(), stoppedTimer()
	defer l.again.Stop()
	defer l.look.Stop()
	if err := l.confirm(ctx); err != nil {
		return err
	}
	return l.loop(ctx, status, sub.StatusChanged(nats.SubscriptionSlowConsumer, nats.SubscriptionActive))
}

func (l *listener) loop(ctx context.Context, status <-chan nats.Status, flow <-chan nats.SubStatus) error {
	for {
		var err error
		select {
		case m := <-l.msgs:
			l.message(m)
		case <-ctx.Done():
			return nil
		case s := <-status:
			err = l.connection(ctx, s)
		case s, open := <-flow:
			if !open {
				flow = nil // the subscription is gone; the connection's state says why
				continue
			}
			l.overflow(s == nats.SubscriptionSlowConsumer)
		case <-l.look.C:
			l.overflow(false)
		case <-l.again.C:
			err = l.confirm(ctx)
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil { // or a flood of messages could outrun the end
			return nil
		}
	}
}

// connection handles one change of the connection's state. The library drops such
// reports when ten are waiting, so each is also a reason to look at the state itself.
func (l *listener) connection(ctx context.Context, s nats.Status) error {
	switch s {
	case nats.CLOSED:
		l.lost(nats.ErrConnectionClosed)
		return unavailable("listen on "+l.subject, nats.ErrConnectionClosed)
	case nats.RECONNECTING, nats.DISCONNECTED:
		l.bus.counts.disconnects.Add(1)
		l.inForce = false
		l.lost(nats.ErrDisconnected)
	}
	return l.confirm(ctx)
}

// confirm makes a round trip on a live connection: the server handles what a client
// sends in order, so when the answer is there the subscription is in force.
func (l *listener) confirm(ctx context.Context) error {
	if l.inForce || !l.bus.nc.IsConnected() {
		return nil
	}
	flush, cancel := context.WithTimeout(ctx, l.bus.opts.RequestTimeout)
	defer cancel()
	if err := l.bus.nc.FlushWithContext(flush); err != nil {
		if l.bus.nc.IsClosed() {
			return unavailable("listen on "+l.subject, nats.ErrConnectionClosed)
		}
		l.again.Reset(confirmAgain)
		return nil
	}
	if err := l.forbidden(); err != nil {
		return err
	}
	l.inForce = true
	l.bus.counts.readies.Add(1)
	if l.ready != nil {
		l.ready()
	}
	return nil
}

// forbidden reports whether the server refused the subscription. It says so before
// it answers the round trip, and the library keeps the latest such error.
func (l *listener) forbidden() error {
	err := l.bus.nc.LastError()
	if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(strings.ToLower(err.Error()), `subscription to "`+strings.ToLower(l.subject)+`"`) {
		return nil
	}
	return fmt.Errorf("%w: NATS does not let this user subscribe: %w; add %q to its subscribe permissions", revocast.ErrUnsuited, err, l.subject)
}

// overflow looks whether messages were lost since the last look. The library reports
// the beginning of an overflow and its end, and nothing about what is lost between,
// so it is looked at until a look finds nothing new and room in the buffer.
func (l *listener) overflow(began bool) {
	dropped, err := l.sub.Dropped()
	if err != nil {
		return
	}
	if began {
		l.bus.counts.slow.Add(1)
	}
	if n := dropped - l.dropped; n > 0 {
		l.bus.counts.dropped.Add(uint64(n))
		l.dropped = dropped
		l.lost(fmt.Errorf("%w: %d messages", nats.ErrSlowConsumer, n))
		l.look.Reset(slowLook)
	} else if began || len(l.msgs) == cap(l.msgs) {
		l.look.Reset(slowLook)
	}
}

func (l *listener) lost(err error) {
	if l.suspect != nil {
		l.suspect(err)
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
