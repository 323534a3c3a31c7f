package fake

import (
	"cmp"
	"slices"

	"github.com/revocast/revocast"
)

// append makes e the next revision.
func (s *sheet) append(e revocast.Event, logged int64) revocast.Event {
	s.rev++
	e.Position = s.position()
	s.log = append(s.log, entry{e, logged})
	return e
}

// after returns the log entries after p, at most limit.
func (s *sheet) after(p revocast.Position, limit int) ([]revocast.Event, bool) {
	i, _ := slices.BinarySearchFunc(s.log, p, func(e entry, p revocast.Position) int {
		if e.event.Position.Compare(p) <= 0 {
			return -1
		}
		return 1
	})
	rest := s.log[i:]
	more := len(rest) > limit
	rest = rest[:min(limit, len(rest))]
	if len(rest) == 0 {
		return nil, more
	}
	events := make([]revocast.Event, len(rest))
	for i, e := range rest {
		events[i] = e.event
	}
	return events, more
}

// unsure is the position after which the log may hold what the stream lacks: what it has
// acknowledged, or where it was last seen to be whole if that is less. Without a mark,
// acknowledgements alone say what the stream has.
func (s *sheet) unsure() revocast.Position {
	if s.mark.Point.Created != 0 && s.mark.Complete.Before(s.durable) {
		return s.mark.Complete
	}
	return s.durable
}

// trim drops the oldest entries that are too old or too many, if it may.
func (s *sheet) trim(keep int, oldest int64) {
	sure := s.unsure()
	for len(s.log) > 0 {
		first := s.log[0]
		if sure.Before(first.event.Position) || len(s.log) <= keep && first.logged >= oldest {
			return
		}
		s.trimmed = first.event.Position
		s.log = s.log[1:]
	}
}

// logAnew gives revisions of the new epoch to what earlier ones logged and the stream
// is not known to hold, as far as it still stands. A state that has vanished is made again
// from what was logged of it.
func (b *books) logAnew(now int64) {
	from := b.unsure()
	if !b.from.IsZero() {
		from = b.from
	}
	old, _ := b.after(from, len(b.log))
	for _, e := range old {
		if e.Position.Epoch >= b.epoch {
			return
		}
		s := b.load(e.Key)
		switch e.Kind {
		case revocast.KindInvalidated:
			continue
		case revocast.KindBanned, revocast.KindLifted:
			if e.Position.Before(s.State.Ban.At) {
				continue
			}
		}
		logged := b.append(e, now)
		if s.State = s.State.Merge(e.State()); s.changed == 0 {
			s.changed = e.At
		}
		// What covers a later proposal is durable when that revision is, not before.
		s.State.At = logged.Position
		s.Sealed = cmp.Or(e.Sealed, s.Sealed)
		b.save(e.Key, e.Scope, s)
	}
}

// whole reports whether the log begins after where it was trimmed and ends where the epoch
// does.
func (s *sheet) whole() bool {
	rest, _ := s.after(s.trimmed, len(s.log))
	if len(rest) == 0 {
		return (s.rev == 0 || s.trimmed == s.position()) && !s.lost
	}
	first, next := rest[0].Position, uint64(1)
	if first.Epoch == s.trimmed.Epoch {
		next = s.trimmed.Rev + 1
	}
	return first.Rev == next && (s.rev == 0 || rest[len(rest)-1].Position == s.position())
}

// sealLog makes a log that lacks entries count as trimmed, before what it has belongs to an
// earlier epoch: nobody could miss them there.
func (s *sheet) sealLog() {
	if !s.whole() {
		s.trimmed, s.doubt, s.doubtBorn = s.position(), s.epoch, s.born
	}
}

// keepLog makes the log of a ledger that recovers, if it is gone. Entries of earlier epochs
// are missing then, and perhaps of this one, unless it was gone when the epoch began.
func (s *sheet) keepLog() {
	if !s.lost {
		return
	}
	if s.lost = false; s.rev > 0 || s.doubt != s.epoch-1 {
		s.trimmed, s.doubt, s.doubtBorn = s.position(), s.epoch-1, s.born
	}
}
