package fake

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Edit is what somebody has changed in the configuration of the stream of events since
// it was made; the zero value is nothing.
type Edit struct {
	PerKind   int   // so many messages of each kind of event are kept; 0: any number
	Oldest    int   // so many are kept, the oldest ones are dropped; 0: any number
	MaxAge    int64 // milliseconds that an event is kept; 0: as long as was asked for
	Mute      bool  // it acknowledges nothing
	Elsewhere bool  // it holds other subjects
	Sealed    bool  // it takes nothing and cannot be changed any more
}

// what names each thing that was changed.
func (e Edit) what() (changes []string) {
	for _, c := range []struct {
		is   bool
		what string
	}{
		{e.PerKind > 0, "messages of a kind"},
		{e.Oldest > 0, "discards the oldest"},
		{e.MaxAge > 0, "maximum age"},
		{e.Mute, "no acknowledgements"},
		{e.Elsewhere, "other subjects"},
	} {
		if c.is {
			changes = append(changes, c.what)
		}
	}
	return changes
}

// Edit changes the configuration of the stream of events, which immediately drops what it is to
// keep no more. One that is sealed cannot be edited.
func (b *Bus) Edit(e Edit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stream.created == 0 || b.stream.edited.Sealed {
		return
	}
	b.stream.edited = e
	b.stream.expire(b.nowLocked())
	b.stream.enforce()
}

// enforce drops what the stream is to keep no more.
func (s *stream) enforce() {
	if n := s.edited.Oldest; n > 0 && len(s.messages) > n {
		s.messages = s.messages[len(s.messages)-n:]
	}
	if s.edited.PerKind == 0 {
		return
	}
	left := map[revocast.Kind]int{}
	for _, m := range s.messages {
		left[m.kind()]++
	}
	s.drop(func(m stored) bool {
		left[m.kind()]--
		return left[m.kind()] >= s.edited.PerKind
	})
}

func (m stored) kind() revocast.Kind {
	if m.event == nil {
		return 0
	}
	return m.event.Kind
}

// Mend implements [port.Bus].
func (k *BusLink) Mend(ctx context.Context, o port.StreamOptions) (port.Mended, error) {
	return through(ctx, k, OpMend, o, revocast.ErrUnavailable, func() (m port.Mended, err error) {
		s := &k.b.stream
		switch {
		case s.created == 0:
			return m, fmt.Errorf("%w: fake: no stream", revocast.ErrNotFound)
		case s.edited.Sealed:
			return m, fmt.Errorf("%w: fake: the stream is sealed", revocast.ErrUnsuited)
		}
		m.Changed, s.edited = s.edited.what(), Edit{}
		if s.maxAge < o.MaxAge {
			s.maxAge = o.MaxAge
			m.Changed = append(m.Changed, "age")
		}
		if !k.b.records.exists {
			err = fmt.Errorf("%w: fake: no stream of epoch records", revocast.ErrNotFound)
		}
		return m, err
	})
}
