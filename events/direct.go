package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errNoMessage: the stream answers, and holds no such message.
var errNoMessage = errors.New("no message on this subject")

// stored is a message of a stream.
type stored struct {
	data     []byte
	sequence uint64
}

// direct reads the latest message on a subject by Direct Get. That is all of JetStream's API that a
// worker needs, and a request of it has no content: the right to it can be given subject by
// subject. Any replica answers, late ones too.
func (b *Bus) direct(ctx context.Context, stream, subject string) (stored, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	m, err := b.conn().RequestWithContext(ctx, b.directSubject(stream, subject), nil)
	if err != nil {
		return stored{}, err
	}
	return readDirect(m, stream, subject)
}

func (b *Bus) directSubject(stream, subject string) string {
	return b.apiPrefix() + "DIRECT.GET." + stream + "." + subject
}

// readDirect reads the answer to a Direct Get.
func readDirect(m *nats.Msg, stream, subject string) (stored, error) {
	switch status := m.Header.Get("Status"); status {
	case "":
	case "404":
		return stored{}, errNoMessage
	case "503":
		return stored{}, nats.ErrNoResponders
	default:
		return stored{}, fmt.Errorf("NATS answers a Direct Get with %.40s %.80s", status, m.Header.Get("Description"))
	}
	if m.Header.Get(jetstream.StreamHeader) != stream || m.Header.Get(jetstream.SubjectHeader) != subject {
		return stored{}, fmt.Errorf("%w: an answer to another Direct Get", errForeign)
	}
	sequence, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return stored{}, undecodable("sequence in the answer to a Direct Get: %v", err)
	}
	return stored{m.Data, sequence}, nil
}

// lastMessage reads the latest message on a subject from the stream's leader, so it sees what was
// acknowledged before it was called.
func (b *Bus) lastMessage(ctx context.Context, stream, subject string) (stored, error) {
	request, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return stored{}, err
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	m, err := b.conn().RequestWithContext(ctx, b.apiPrefix()+"STREAM.MSG.GET."+stream, request)
	if err != nil {
		return stored{}, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return stored{}, undecodable("answer of JetStream: %v", err)
	}
	if e := answer.Error; e != nil {
		if e.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return stored{}, errNoMessage
		}
		return stored{}, e
	}
	return stored{answer.Message.Data, answer.Message.Sequence}, nil
}

// apiPrefix is what JetStream's requests begin with.
func (b *Bus) apiPrefix() string {
	if b.opts.Domain != "" {
		return "$JS." + b.opts.Domain + ".API."
	}
	return jetstream.DefaultAPIPrefix
}

// nobody reports whether err says that no stream listens to a request.
func nobody(err error) bool {
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
}
