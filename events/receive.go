package events

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// readEvent decodes a message and checks that it stands on the subject of its kind:
// permissions are given by subject, so a lifted ban on the subject of revocations
// would get around them. A message that fails is counted and reported here.
func (b *Bus) readEvent(subject string, data []byte, e *revocast.Event) error {
	err := b.decodeFrom(subject, data, e)
	if err != nil {
		b.countStray(fromEvent, subject, err)
	}
	return err
}

// decodeFrom is readEvent without counting.
func (b *Bus) decodeFrom(subject string, data []byte, e *revocast.Event) error {
	err := decodeEvent(data, b.names.hash, e)
	if err == nil && subject != b.names.kind(e.Kind) {
		err = fmt.Errorf("%w: an event of kind %s", errMisplaced, e.Kind)
	}
	return err
}

// readAck is readEvent for acknowledgements: a worker speaks for itself alone.
func (b *Bus) readAck(m *nats.Msg, a *port.Ack) error {
	err := decodeAck(m.Data, b.names.hash, a)
	a.Member.Class = b.names.ackClass(m.Subject) // the server vouches for it, as it does for no content
	if err == nil && m.Subject != b.names.ack(a.Member.Class, a.Member.Worker) {
		err = fmt.Errorf("%w: an acknowledgement for another worker", errMisplaced)
	}
	if err != nil {
		b.countStray(fromAck, m.Subject, err)
	}
	return err
}
