package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	// askAgain is the pause before a refused subscription is asked for again, and before the reason
	// why nothing is heard is told again. A random time, at most half as long, is added.
	askAgain = 2 * time.Second
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
	deaf    func(error) // nothing is heard from here on

	// Owned by run.
	nc      *nats.Conn
	sub     *nats.Subscription // nil: it was refused
	before  error              // the connection's latest error when it was asked for
	msgs    chan *nats.Msg
	flow    <-chan nats.SubStatus
	inForce bool        // ready was called and nothing has been lost since
	cut     bool        // the connection is known to be lost
	dropped int         // messages that the subscription is known to have lost
	again   *time.Timer // fires when the subscription should be confirmed, or asked for, once more
	look    *time.Timer // fires when an overflowing subscription should be looked at
}

// errReplaced: there is another connection.
var errReplaced = errors.New("events: the connection was replaced")

// run listens until ctx ends, which is no error, or the owner closes the connection.
func (l *listener) run(ctx context.Context) error {
	refused := l.bus.refusals.add(l)
	defer l.bus.refusals.remove(l)
	l.again, l.look = stoppedTimer(), stoppedTimer()
	defer l.again.Stop()
	defer l.look.Stop()
	l.msgs = make(chan *nats.Msg, l.bus.opts.TailBuffer)
	for {
		now, changed := l.bus.link.latest()
		err := l.listen(ctx, now, refused)
		if !errors.Is(err, errReplaced) {
			return err
		}
		l.inForce = false
		l.lost(nats.ErrConnectionClosed)
		if !l.bus.link.mend(now) {
			return unavailable("listen on "+l.subject, nats.ErrConnectionClosed)
		}
		select {
		case <-changed:
		case <-l.bus.link.ended:
			return unavailable("listen on "+l.subject, nats.ErrConnectionClosed)
		case <-ctx.Done():
			return nil
		}
	}
}

// listen listens on one connection; [errReplaced] when that is closed.
func (l *listener) listen(ctx context.Context, now *live, refused <-chan error) error {
	l.nc = now.nc
	// Listening for changes starts before subscribing: a connection lost between the
	// two is then noticed.
	status := l.nc.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	defer l.nc.RemoveStatusListener(status)
	defer l.unsubscribe()
	if err := l.subscribe(ctx); err != nil {
		return err
	}
	return l.loop(ctx, status, refused)
}

// subscribe asks for the subscription, in place of the one before if there is one.
func (l *listener) subscribe(ctx context.Context) error {
	l.unsubscribe()
	l.before = l.nc.LastError()
	sub, err := l.nc.ChanSubscribe(l.subject, l.msgs)
	if errors.Is(err, nats.ErrConnectionClosed) {
		return errReplaced
	}
	if err != nil {
		return unavailable("subscribe to "+l.subject, err)
	}
	l.sub, l.dropped = sub, 0
	l.flow = sub.StatusChanged(nats.SubscriptionSlowConsumer, nats.SubscriptionActive)
	return l.confirm(ctx)
}

func (l *listener) unsubscribe() {
	if l.sub != nil {
		_ = l.sub.Unsubscribe() // fails on a closed connection alone
	}
	l.sub, l.flow = nil, nil
}

func (l *listener) loop(ctx context.Context, status <-chan nats.Status, refused <-chan error) error {
	for {
		var err error
		select {
		case m := <-l.msgs:
			l.message(m)
		case <-ctx.Done():
			return nil
		case s := <-status:
			err = l.connection(ctx, s)
		case s, open := <-l.flow:
			if !open {
				l.flow = nil // the subscription is gone; the connection's state says why
				continue
			}
			l.overflow(s == nats.SubscriptionSlowConsumer)
		case err := <-refused:
			l.refused(err)
		case <-l.look.C:
			l.overflow(false)
		case <-l.again.C:
			err = l.askAgain(ctx)
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
		return errReplaced
	case nats.RECONNECTING, nats.DISCONNECTED:
		if l.cut { // a failed attempt, which loses nothing more
			l.bus.sayAway(l.nc)
			break
		}
		l.bus.counts.disconnects.Add(1)
		l.inForce, l.cut = false, true
		l.lost(nats.ErrDisconnected)
	case nats.CONNECTED:
		l.cut = false
		if l.sub == nil { // it was refused; the server may be another one now
			return l.subscribe(ctx)
		}
	}
	return l.confirm(ctx)
}

// askAgain tries again to bring the subscription into force.
func (l *listener) askAgain(ctx context.Context) error {
	if l.sub == nil && l.nc.IsConnected() {
		return l.subscribe(ctx)
	}
	return l.confirm(ctx)
}

// confirm makes a round trip on a live connection: the server handles a client's messages in order,
// so when the answer is there the subscription is in force.
func (l *listener) confirm(ctx context.Context) error {
	if l.inForce || l.sub == nil {
		return nil
	}
	if !l.nc.IsConnected() {
		if l.nc.IsClosed() {
			return errReplaced
		}
		l.again.Reset(askAgain + rand.N(askAgain/2))
		l.unheard(away(l.nc))
		return nil
	}
	l.cut = false
	flush, cancel := context.WithTimeout(ctx, l.bus.opts.RequestTimeout)
	defer cancel()
	if err := l.nc.FlushWithContext(flush); err != nil {
		if l.nc.IsClosed() {
			return errReplaced
		}
		l.again.Reset(confirmAgain)
		l.unheard(fmt.Errorf("NATS does not answer: %w", err))
		return nil
	}
	if err := l.forbidden(); err != nil {
		l.refused(err)
		return nil
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
	err := l.nc.LastError()
	if err == l.before || !errors.Is(err, nats.ErrPermissionViolation) ||
		!strings.Contains(strings.ToLower(err.Error()), `subscription to "`+strings.ToLower(l.subject)+`"`) {
		return nil
	}
	return l.refusal(err)
}

func (l *listener) refusal(err error) error {
	return fmt.Errorf("%w: NATS does not let this user subscribe: %w; add %q to its subscribe permissions",
		revocast.ErrUnsuited, err, l.subject)
}

// refused gives the subscription up. Rights can be given back while the connection lives,
// and the server does not say so: therefore it is asked for again.
func (l *listener) refused(err error) {
	l.unsubscribe()
	l.inForce = false
	l.again.Reset(askAgain + rand.N(askAgain/2))
	l.bus.say.Warn("refused "+l.subject, "NATS refuses a subscription; it is asked for again", "subject", l.subject,
		"error", err)
	l.lost(err)
}

// overflow looks whether messages were lost since the last look. The library reports the beginning
// of an overflow and its end, but not the losses in between. So overflow looks again until a look
// finds nothing new and room in the buffer.
func (l *listener) overflow(began bool) {
	if l.sub == nil {
		return
	}
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
		l.suspected(fmt.Errorf("%w: %d messages", nats.ErrSlowConsumer, n))
		l.look.Reset(slowLook)
	} else if began || len(l.msgs) == cap(l.msgs) {
		l.look.Reset(slowLook)
	}
}

// lost says that nothing is heard from here until ready, and that messages may have been lost.
func (l *listener) lost(err error) {
	l.unheard(err)
	l.suspected(err)
}

func (l *listener) unheard(err error) {
	if l.deaf != nil {
		l.deaf(err)
	}
}

func (l *listener) suspected(err error) {
	if l.suspect != nil {
		l.suspect(err)
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
