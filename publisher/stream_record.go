package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// The epoch's record says which stream holds the history, and what of it that stream must still
// have. The ledger remembers the same, but a Redis that has lost everything has only the record.
// A stream that was emptied, cut or set back does not report it. A Redis that was recovered from
// such a stream as if it were whole would say that nobody is revoked.

// own is the epoch's record as the open ledger d remembers it: the one found, or a new one if the
// one found is older or missing. It reports false if the record is another server's.
func own(d port.Description, found port.EpochRecord, lost bool) (port.EpochRecord, bool) {
	switch {
	case !lost && found.Epoch == d.Opened && found.Server == d.OpenedBy:
		found.Terms = longer(found.Terms, d.Terms) // only [ChangeTerms] writes shorter ones
		return found, true
	case lost || found.Epoch < d.Opened:
		next := port.EpochRecord{
			Epoch: d.Opened, Server: d.OpenedBy, Stream: d.Mark.Point.Created, Sequence: found.Sequence,
		}
		next.Terms = longer(found.Terms, d.Terms)
		if next.Stream == 0 || next.Stream == found.Stream {
			next.Stream, next.Base, next.Kept = found.Stream, found.Base, found.Kept
		}
		return next, true
	}
	return found, false
}

// record updates the epoch's record to match the stream, which was just seen whole. after is the
// sequence that a refill began after; nil if there was no refill.
func (s *streams) record(ctx context.Context, d port.Description, info port.StreamInfo, after *uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := s.bus.Epoch(ctx)
	if err != nil && !errors.Is(err, revocast.ErrNotFound) {
		return err
	}
	next, mine := own(d, r, err != nil)
	if !mine {
		return nil // the keeper's business
	}
	if err != nil { // it was lost, perhaps with the stream that held it
		if err := s.prepare(ctx, d.Terms); err != nil {
			return err
		}
	}
	switch {
	case after != nil:
		next.Stream, next.Base, next.Kept = info.Created, *after, [port.RecordWitnesses]port.StreamWitness{}
	case next.Stream != info.Created:
		next.Stream, next.Base, next.Kept = info.Created, 0, [port.RecordWitnesses]port.StreamWitness{}
		fallthrough
	default:
		keepWitnesses(&next, d, info)
	}
	return s.writeRecord(ctx, r, next)
}

// writeRecord writes next in the place of r, if they differ.
func (s *streams) writeRecord(ctx context.Context, r, next port.EpochRecord) error {
	if next == r {
		return nil
	}
	_, err := s.bus.ClaimEpoch(ctx, r.Sequence, next)
	if errors.Is(err, revocast.ErrConflict) {
		return nil // another publisher was faster; or another server, which the keeper will see
	}
	return err
}

// keepWitnesses renews the messages that the record names. The ledger has more witnesses and
// drops those that are no longer needed, so its oldest one says where to begin.
func keepWitnesses(r *port.EpochRecord, d port.Description, info port.StreamInfo) {
	if d.Mark.Point.Created != info.Created {
		return // of the stream before: the next audit knows more
	}
	kept := make([]port.StreamWitness, 0, port.RecordWitnesses+1)
	retention := d.Terms.Retention().Milliseconds()
	for _, w := range r.Kept {
		missed := w.Sequence != 0 && w.Stored+retention > d.Now && w.Sequence >= d.Witness.Sequence
		if missed && w.Sequence <= info.Last {
			kept = append(kept, w)
		}
	}
	if w := d.Witness; len(kept) == 0 && w.Sequence != 0 {
		kept = append(kept, port.StreamWitness{Sequence: w.Sequence, Stored: w.Stored})
	}
	if p := d.Mark.Point; p.Stored > 0 && p.Sequence > r.Base {
		n := len(kept)
		if n == 0 || p.Sequence > kept[n-1].Sequence && p.Stored >= kept[n-1].Stored+retention/port.RecordWitnesses {
			kept = append(kept, port.StreamWitness{Sequence: p.Sequence, Stored: p.Stored})
		}
	}
	if len(kept) > port.RecordWitnesses {
		kept = kept[1:]
	}
	was := r.Kept
	r.Kept = [port.RecordWitnesses]port.StreamWitness{}
	copy(r.Kept[:], kept)
	if (r.Kept != was || d.Mark.Missing > 0) && d.Witness.Sequence > 0 {
		r.Base = max(r.Base, d.Witness.Sequence-1)
	}
}

// wholeStream says why the stream cannot be the one that holds the history of a ledger which
// has lost everything. gone is how many messages are gone from the middle of it after
// the record's base.
func wholeStream(r port.EpochRecord, d port.Description, info port.StreamInfo, gone uint64) error {
	if r.Stream == 0 {
		return nil // no record says which stream does
	}
	since := d.Now - d.Terms.Retention().Milliseconds() + skewSlack.Milliseconds()
	made := func(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339) }
	switch {
	case info.Created != r.Stream:
		return fmt.Errorf("made at %s, is not the one that held its history, made at %s", made(info.Created),
			made(r.Stream))
	case gone > 0:
		return fmt.Errorf("has lost %d messages from its middle", gone)
	case info.First > r.Base+1 && info.Created/int64(time.Millisecond) > since:
		return fmt.Errorf("begins at message %d, and nothing from %d on was to expire yet", info.First, r.Base+1)
	}
	for _, w := range r.Kept {
		switch {
		case w.Sequence > info.Last:
			return fmt.Errorf("ends at message %d, and reached to %d before", info.Last, w.Sequence)
		case w.Sequence != 0 && info.First > w.Sequence && w.Stored > since:
			return fmt.Errorf("begins at message %d, and %d was not to expire yet", info.First, w.Sequence)
		}
	}
	return nil
}
