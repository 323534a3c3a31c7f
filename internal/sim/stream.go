package sim

import (
	"fmt"
	"slices"

	"github.com/revocast/revocast"
)

// stream is what a JetStream stream holds: events and epoch records in one sequence.
// Its owner locks.
type stream struct {
	exists   bool
	full     bool
	last     uint64
	messages []stored
	has      map[revocast.Event]bool // among messages
}

type stored struct {
	sequence uint64
	event    *revocast.Event
	record   *revocast.EpochRecord
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

func (s *stream) forget(which func(revocast.Event) bool) {
	s.messages = slices.DeleteFunc(slices.Clone(s.messages), func(m stored) bool { return m.event != nil && which(*m.event) })
	s.count()
}

func (s *stream) truncate(keep int) {
	if keep < len(s.messages) {
		s.messages = slices.Clone(s.messages[:keep])
		s.last = uint64(keep)
		s.count()
	}
}

func (s *stream) count() {
	s.has = make(map[revocast.Event]bool)
	for _, e := range s.events() {
		s.has[e] = true
	}
}

// add stores an event; one that is there already is a duplicate and stays as it is.
func (s *stream) add(e revocast.Event) error {
	switch {
	case !s.exists:
		return fmt.Errorf("%w: sim: no stream", revocast.ErrUnavailable)
	case s.full:
		return fmt.Errorf("%w: sim: the stream is full", revocast.ErrUnavailable)
	}
	if s.has[e] {
		return nil
	}
	s.last++
	s.messages = append(s.messages, stored{sequence: s.last, event: &e})
	s.has[e] = true
	return nil
}

func (s *stream) latest() (revocast.EpochRecord, bool) {
	for _, m := range slices.Backward(s.messages) {
		if m.record != nil {
			return *m.record, true
		}
	}
	return revocast.EpochRecord{}, false
}

// claim is the compare-and-set on the subject of the epoch's record.
func (s *stream) claim(after uint64, next revocast.EpochRecord) (revocast.EpochRecord, error) {
	if !s.exists {
		return revocast.EpochRecord{}, fmt.Errorf("%w: sim: no stream", revocast.ErrUnavailable)
	}
	latest, _ := s.latest()
	if latest.Sequence != after {
		return revocast.EpochRecord{}, fmt.Errorf("%w: sim: the latest record is at %d, not %d", revocast.ErrConflict, latest.Sequence, after)
	}
	s.last++
	next.Sequence = s.last
	s.messages = append(s.messages, stored{sequence: s.last, record: &next})
	return next, nil
}
