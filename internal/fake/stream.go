package fake

import (
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// duplicateWindow is for how long a stream knows an event again, in milliseconds.
const duplicateWindow = 120_000

// stream is what a JetStream stream of events holds. Its owner locks.
type stream struct {
	created  int64 // Unix nanoseconds; 0: there is no stream
	maxAge   int64 // milliseconds; 0: for ever
	full     bool
	edited   Edit
	last     uint64
	messages []stored                 // by sequence
	known    map[revocast.Event]int64 // when it was published, within the window
	order    []publication            // the same, oldest first; some may be older
}

type stored struct {
	sequence uint64
	at       int64           // Unix milliseconds
	event    *revocast.Event // nil: nobody can read it
	foreign  bool            // of another realm
}

type publication struct {
	event revocast.Event
	at    int64
}

func (s *stream) events() []revocast.Event {
	var all []revocast.Event
	for _, m := range s.messages {
		if m.event != nil {
			all = append(all, *m.event)
		}
	}
	return all
}

// info describes the stream as JetStream counts: the first message is the oldest that
// is left, the last the latest that there was.
func (s *stream) info() port.StreamInfo {
	i := port.StreamInfo{Created: s.created, First: s.last + 1, Last: s.last, Full: s.full}
	if len(s.messages) > 0 {
		i.First = s.messages[0].sequence
	}
	i.Missing = i.Last + 1 - i.First - uint64(len(s.messages))
	return i
}

func (m stored) point(created int64) port.StreamPoint {
	p := port.StreamPoint{Created: created, Sequence: m.sequence, Stored: m.at}
	if m.event != nil {
		p.Event = m.event.Position
	}
	return p
}

// is reports whether m may be the message that p is.
func (m stored) is(p port.StreamPoint) bool {
	q := m.point(p.Created)
	return (p.Event.IsZero() || p.Event == q.Event) && (p.Stored == 0 || p.Stored == q.Stored)
}

// expire drops what is too old.
func (s *stream) expire(now int64) {
	n, age := 0, s.maxAge
	if s.edited.MaxAge > 0 && !s.edited.Sealed {
		age = min(age, s.edited.MaxAge)
	}
	for n < len(s.messages) && age > 0 && s.messages[n].at+age <= now {
		n++
	}
	s.messages = s.messages[n:]
}

// add stores an event. One that was published within the window is a duplicate and
// stays as it is, unless it is to be stored whatever the stream remembers.
func (s *stream) add(e revocast.Event, now int64, again bool) error {
	switch {
	case s.created == 0:
		return fmt.Errorf("%w: fake: no stream", revocast.ErrUnavailable)
	case s.full:
		return fmt.Errorf("%w: %w: fake: the stream is full", revocast.ErrUnavailable, revocast.ErrUnsuited)
	case s.edited.Sealed:
		return fmt.Errorf("%w: %w: fake: the stream is sealed", revocast.ErrUnavailable, revocast.ErrUnsuited)
	case s.edited.Elsewhere:
		return fmt.Errorf("%w: fake: no answer", revocast.ErrUnavailable)
	}
	if !again && s.duplicate(e, now) {
		return nil
	}
	s.store(stored{at: now, event: &e})
	if !again {
		s.remember(publication{e, now})
	}
	s.enforce()
	if s.edited.Mute {
		return fmt.Errorf("%w: fake: no answer", revocast.ErrUnavailable)
	}
	return nil
}

func (s *stream) store(m stored) {
	s.last++
	m.sequence = s.last
	s.messages = append(s.messages, m)
}

func (s *stream) duplicate(e revocast.Event, now int64) bool {
	for len(s.order) > 0 && s.order[0].at+duplicateWindow <= now {
		if first := s.order[0]; s.known[first.event] == first.at {
			delete(s.known, first.event)
		}
		s.order = s.order[1:]
	}
	at, known := s.known[e]
	return known && at+duplicateWindow > now
}

func (s *stream) remember(p publication) {
	if s.known == nil {
		s.known = make(map[revocast.Event]int64)
	}
	s.known[p.event] = p.at
	s.order = append(s.order, p)
}

// drop makes holes, which the window of duplicates does not notice.
func (s *stream) drop(which func(stored) bool) {
	s.messages = slices.DeleteFunc(slices.Clone(s.messages), which)
}

// truncate is what a server finds that lost the end of its file. It knows of no other
// publications than it finds.
func (s *stream) truncate(keep int) {
	keep = max(keep, 0)
	if keep >= len(s.messages) {
		return
	}
	s.last -= uint64(len(s.messages) - keep)
	if keep > 0 {
		s.last = s.messages[keep-1].sequence
	}
	s.messages = s.messages[:keep]
	*s = s.clone()
}

// clone is a copy as a backup has it: of what was published before it knows what it holds.
func (s stream) clone() stream {
	s.messages = slices.Clone(s.messages)
	s.known, s.order = nil, nil
	for _, m := range s.messages {
		if m.event != nil {
			s.remember(publication{*m.event, m.at})
		}
	}
	return s
}

// records is the stream of epoch records.
type records struct {
	exists bool
	all    []port.EpochRecord
	buried uint64 // messages after the latest that are no records
}

func (r *records) latest() (port.EpochRecord, bool) {
	if len(r.all) == 0 {
		return port.EpochRecord{}, false
	}
	latest := r.all[len(r.all)-1]
	latest.Buried = r.buried
	return latest, true
}

// forget is what a server does that lost its latest n records and whatever came after them.
func (r *records) forget(n int) {
	r.all, r.buried = slices.Clone(r.all[:max(0, len(r.all)-n)]), 0
}

// claim is the compare-and-set on the subject of the epoch's record.
func (r *records) claim(after uint64, next port.EpochRecord) (port.EpochRecord, error) {
	if !r.exists {
		return port.EpochRecord{}, fmt.Errorf("%w: fake: no stream of epoch records", revocast.ErrUnavailable)
	}
	latest, _ := r.latest()
	if latest.Sequence != after {
		return port.EpochRecord{}, fmt.Errorf("%w: fake: the latest record is at %d, not %d", revocast.ErrConflict,
			latest.Sequence, after)
	}
	next.Sequence, next.Buried = latest.Sequence+r.buried+1, 0
	r.all, r.buried = append(r.all, next), 0
	return next, nil
}

// nowLocked is the bus's clock.
func (b *Bus) nowLocked() int64 { return b.clock.Now().Add(b.ahead).UnixMilli() }

// createLocked makes the stream again, empty, at an instant at which no other was made.
func (b *Bus) createLocked(maxAge int64) {
	b.created = max(b.created+1, b.clock.Now().Add(b.ahead).UnixNano())
	b.stream = stream{created: b.created, maxAge: maxAge}
}

// streamLocked is the stream without what is too old.
func (b *Bus) streamLocked() *stream {
	b.stream.expire(b.nowLocked())
	return &b.stream
}

// Advance moves the bus's wall clock by d; it may go back.
func (b *Bus) Advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead += d
}
