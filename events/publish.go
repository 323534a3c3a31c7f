package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
)

// Publish implements [port.Bus]. It never waits. done gets nil or an error that
// wraps [revocast.ErrUnavailable]: repeat the publication, it is recognised as the
// same by its message id within the stream's duplicate window, and applying it twice
// is harmless after that. [revocast.ErrInvalid]: the event can never be published.
//
// Where nothing can be sent (no connection, too much unanswered, an invalid event) done is called
// before Publish returns, on the caller's goroutine; otherwise on the bus's own, where it delays
// the answers to other publications while it runs. Do not hold a lock in Publish that done takes.
func (b *Bus) Publish(e revocast.Event, done func(error)) { b.publish(e, true, done) }

// Refill implements [port.Bus]; it is Publish without a message id, so the
// stream's window of duplicates does not know the event.
func (b *Bus) Refill(e revocast.Event, done func(error)) { b.publish(e, false, done) }

func (b *Bus) publish(e revocast.Event, once bool, done func(error)) {
	data, err := appendEvent(make([]byte, 0, eventHead+2+len(e.Reason)+len(e.Initiator)), b.names.hash, &e)
	if err != nil {
		b.pub.refuse(&publication{counted: true, done: done}, err)
		return
	}
	m := &nats.Msg{Subject: b.names.kind(e.Kind), Data: data}
	if once {
		m.Header = nats.Header{jetstream.MsgIDHeader: []string{messageID(&e, data)}}
	}
	if b.hand(m, publication{stream: b.names.eventStream, counted: true, done: done}) {
		b.counts.published.Add(1)
	}
}

// hand sends m and registers p, whose done is called exactly once. It reports whether
// m was handed to the connection.
func (b *Bus) hand(m *nats.Msg, p publication) bool {
	number, reply, err := b.pub.add(p)
	if err != nil {
		b.pub.refuse(&p, err)
		return false
	}
	m.Reply = reply
	if err := b.send(m); err != nil {
		if p, _ := b.pub.take(number); p != nil {
			b.pub.refuse(p, unavailable("publish", err))
		}
		return false
	}
	return true
}

// messageID names an event to the stream, which drops repeats within its window of duplicates. The
// position alone is not enough: a state that is published again may take several events, all at the
// position of its latest change.
func messageID(e *revocast.Event, data []byte) string {
	return fmt.Sprintf("%s.%08x", e.Position, crc32.ChecksumIEEE(data))
}

// send hands m to a live connection. While there is none it fails: a message that the client
// library buffered until the reconnect would be outdated by then.
func (b *Bus) send(m *nats.Msg) error {
	nc := b.conn()
	if !nc.IsConnected() {
		return away(nc)
	}
	err := nc.PublishMsg(m)
	if errors.Is(err, nats.ErrMaxPayload) {
		// Our messages are smaller than any sensible limit, and only a new connection hears that
		// the limit was raised again.
		b.say.Warn("max_payload", "the server's max_payload is too small for what is published; want 64KB as in "+
			"deploy/nats.conf", "max_payload", nc.MaxPayload())
		b.link.refresh()
	}
	return err
}

// pubAck is JetStream's answer to a publication.
type pubAck struct {
	Stream    string              `json:"stream"`
	Sequence  uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
	Error     *jetstream.APIError `json:"error"`
}

// readPubAck turns an answer into an error unless it says that the message is in the
// stream named: a stream of that subject under another name is not this realm's log.
func readPubAck(m *nats.Msg, stream string) (pubAck, error) {
	var a pubAck
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return a, unavailable("publish", jetstream.ErrNoStreamResponse)
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, unavailable("publish", fmt.Errorf("%w: %w: %w", errUndecodable, jetstream.ErrInvalidJSAck, err))
	}
	if a.Error != nil {
		return a, unavailable("publish", refusal(stream, a.Error))
	}
	if a.Stream != stream || a.Sequence == 0 {
		return a, unavailable("publish", fmt.Errorf("%w: %w: stored by stream %.64q, want %q", errForeign,
			jetstream.ErrInvalidJSAck, a.Stream, stream))
	}
	return a, nil
}

// Codes of JetStream for a stream that accepts nothing more.
const (
	codeStoreFailed = 10077 // the stream's own limits: maximum messages or bytes
	codeResources   = 10023 // the account's or the server's storage
	codeStorage     = 10047
	codeMemory      = 10028
	codeTooLarge    = 10054 // the stream's limit on the size of a message
	codeSealed      = 10109
)

// refusal says what an operator has to do where the answer is about size, or about the stream's
// configuration; then it is [revocast.ErrUnsuited] as well.
func refusal(stream string, err *jetstream.APIError) error {
	unsuited := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", revocast.ErrUnsuited, fmt.Errorf(format, args...))
	}
	switch err.ErrorCode {
	case codeStoreFailed:
		return unsuited("stream %s is full (%w); raise its limits: nats stream edit %s --max-bytes=-1 --max-msgs=-1",
			stream, err, stream)
	case codeResources, codeStorage, codeMemory:
		return unsuited("JetStream has no storage left for stream %s (%w); raise jetstream.max_file_store or the "+
			"account's limit", stream, err)
	case codeTooLarge:
		return unsuited("stream %s takes no events of this size (%w); raise its limit: nats stream edit %s "+
			"--max-msg-size=-1", stream, err, stream)
	case codeSealed:
		return unsuited("stream %s is sealed (%w); remove it (nats stream rm %s): a publisher that runs makes it "+
			"again and refills it", stream, err, stream)
	}
	return err
}
