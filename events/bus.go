package events

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/port"
)

// Bus is a [port.Bus] on NATS. Make it with [New]; it is safe for concurrent
// use, and several of them may share a connection.
type Bus struct {
	link     link
	names    realmNames
	opts     Options
	log      *slog.Logger
	say      *throttle.Log // log lines that may repeat
	counts   counters
	strays   strays
	junk     atomic.Uint64 // up to where the messages in the record's stream were counted if they were strays
	refusals refusals
	pub      publisher
}

var _ port.Bus = (*Bus)(nil)

// New returns a bus for a realm on a connection, which it uses but does not close.
// The realm is 1 to 64 of A-Z a-z 0-9 _ and -. New sends nothing; it fails with
// [revocast.ErrInvalid]. It puts itself in front of the connection's error handler.
//
// The first Publish starts a subscription for the answers and one goroutine; both end with
// [Bus.Close] or with the connection. Where NATS closes the connection for good, the bus makes
// another one with the same options, which it owns. So end with Close, and close the connection
// after it.
func New(nc *nats.Conn, realm string, o Options) (*Bus, error) {
	if nc == nil {
		return nil, fmt.Errorf("%w: events: no connection", revocast.ErrInvalid)
	}
	names, err := newRealmNames(realm)
	if err != nil {
		return nil, err
	}
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	b := &Bus{names: names, opts: o, log: o.Logger.With("realm", realm)}
	b.say = throttle.New(b.log, nil)
	if err := b.link.init(b, nc); err != nil {
		return nil, fmt.Errorf("%w: events: %w", revocast.ErrInvalid, err)
	}
	b.pub.init(b)
	return b, nil
}

func newJetStream(nc *nats.Conn, o Options) (jetstream.JetStream, error) {
	timeout := jetstream.WithDefaultTimeout(o.RequestTimeout)
	if o.Domain != "" {
		return jetstream.NewWithDomain(nc, o.Domain, timeout)
	}
	return jetstream.New(nc, timeout)
}

// Realm returns the realm's name.
func (b *Bus) Realm() string { return b.names.realm }

// Close ends publishing: it answers every unanswered publication, and every later one, with
// [revocast.ErrUnavailable]. It leaves Tail, Replay and Acks, which end with their contexts, and
// the connection that New was given. It closes a connection that the bus made in its place. It is
// idempotent.
func (b *Bus) Close() error {
	b.pub.close()
	b.link.close()
	return nil
}

// unavailable says that the operation is not known to have been done, and may be tried again.
func unavailable(doing string, cause error) error {
	return fmt.Errorf("%w: %s: %w", revocast.ErrUnavailable, doing, plainCause(cause))
}

// plainCause adds a hint to causes whose own text does not say what to do.
func plainCause(err error) error {
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return awayError{err}
	case errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("%w: the connection to NATS was closed, and nothing is sent over it any more", err)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w: nobody answers for the stream: JetStream is off or has no leader, or the stream is gone",
			err)
	}
	return err
}

// awayError replaces an error of the library whose text does not say what has happened: that its
// buffer for a server that is away is full. There is no such buffer here.
type awayError struct{ cause error }

func (e awayError) Error() string {
	return "NATS is away: there is no connection, and it is tried again"
}
func (e awayError) Unwrap() error { return e.cause }
