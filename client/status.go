package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

// Status is the realm as one publisher sees it. Encoded as JSON it is the server's whole answer,
// including fields that this client does not know.
type Status struct {
	Ledger  string            // open, recovering, fenced or uninitialised
	Settled bool              // no lease of an earlier epoch, or of earlier terms, can be left
	At      revocast.Position // of the ledger
	Durable revocast.Position // JetStream has everything up to here
	Trimmed revocast.Position // the log starts after this

	DefaultIssuer string        // of revocations that name none; may be empty
	Lease         time.Duration // how long a worker that is cut off still trusts its memory

	Workers []Worker // those that may hold a lease
	Unacked int      // events that JetStream has not acknowledged yet
	Waiting int      // revocations that wait for confirmation

	Stream   Stream
	Warnings []string // for people: what a revocation that names no issuer would not reach

	answer json.RawMessage
}

// Worker is one worker incarnation.
type Worker struct {
	Class       string // of workers that share their rights at both stores
	Worker      string
	Incarnation string
	Version     string            // of its program; may be empty
	Position    revocast.Position // applied so far
	Lag         int64             // revisions that it is behind; -1 while it is in another epoch
	Seen        time.Time         // its latest renewal, by the ledger's clock
	LeaseLeft   time.Duration     // what is left of the lease at most, for display
	Issuers     []string          // those whose tokens it accepts; none: every one, or it does not say
}

// Stream is the second log, in JetStream, as the latest comparison with the ledger found it.
type Stream struct {
	Whole   revocast.Position // it was seen to hold everything up to here; zero: never seen whole
	Created time.Time         // when it was made: one that takes its place has another time
	Error   string            // why it cannot be relied on; empty where it can
}

// Status asks for the ledger and the workers as they stand.
func (c *Client) Status(ctx context.Context) (Status, error) {
	s := Status{}
	if err := c.get(ctx, "/v1/workers", &s.answer); err != nil {
		return Status{}, err
	}
	var f apitypes.Fleet
	if err := json.Unmarshal(s.answer, &f); err != nil {
		return Status{}, err
	}
	l := f.Ledger
	s.Ledger, s.Settled, s.DefaultIssuer, s.Lease = l.State, l.Settled, l.DefaultIssuer, milliseconds(l.LeaseMS)
	s.Unacked, s.Waiting, s.Warnings = f.Unacked, f.Waiting, f.Warnings
	s.Stream = Stream{Created: f.Stream.Created.Time, Error: f.Stream.Error}
	s.Workers = make([]Worker, len(f.Workers))
	for i, w := range f.Workers {
		s.Workers[i] = Worker{
			Class: w.Class, Worker: w.Worker, Incarnation: w.Incarnation, Version: w.Version, Lag: w.Lag,
			Seen: w.Seen.Time, LeaseLeft: milliseconds(w.LeaseLeftMS), Issuers: w.Issuers,
		}
		if err := setPosition(&s.Workers[i].Position, w.Position); err != nil {
			return Status{}, err
		}
	}
	return s, s.setPositions(f)
}

func (s *Status) setPositions(f apitypes.Fleet) error {
	for _, p := range []struct {
		dst  *revocast.Position
		text string
	}{
		{&s.At, f.Ledger.Position},
		{&s.Durable, f.Ledger.Durable},
		{&s.Trimmed, f.Ledger.Trimmed},
		{&s.Stream.Whole, f.Stream.Whole},
	} {
		if err := setPosition(p.dst, p.text); err != nil {
			return err
		}
	}
	return nil
}

// setPosition reads a position that may be missing.
func setPosition(dst *revocast.Position, text string) (err error) {
	if text != "" {
		*dst, err = revocast.ParsePosition(text)
	}
	return err
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// MarshalJSON implements [json.Marshaler].
func (s Status) MarshalJSON() ([]byte, error) {
	if s.answer == nil {
		return []byte("null"), nil
	}
	return s.answer, nil
}

// Tip returns the ledger's present position: where to start watching from now on.
func (c *Client) Tip(ctx context.Context) (revocast.Position, error) {
	s, err := c.Status(ctx)
	return s.At, err
}
