package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Stray counts the messages of one kind that were dropped.
type Stray struct {
	Source string // what it came as: event, ack, record, snapshot or answer
	Fault  string // undecodable, oversized, foreign, misplaced, unknown or late
	Count  uint64
}

// The sources of messages, and what can be wrong with them.
const (
	fromEvent    = iota // on a live tail or in a replay
	fromAck             // an acknowledgement of a worker
	fromRecord          // the epoch record
	fromSnapshot        // part of a snapshot
	fromAnswer          // JetStream's answer to a publication
	numSources
)

const (
	faultUndecodable = iota // not of this format, or out of its limits
	faultOversized          // longer than anything that may come there
	faultForeign            // of another realm; an answer: of another stream
	faultMisplaced          // on a subject that is not its own: of another kind or worker
	faultUnknown            // an answer to no question
	faultLate               // an answer to a question that was given up, or answered before
	numFaults
)

var (
	errOversized = fmt.Errorf("%w: too long", errUndecodable)
	errMisplaced = fmt.Errorf("%w: on a subject that is not its own", errUndecodable)
	errUnknown   = errors.New("answer to a publication that there never was")
	errLate      = errors.New("answer to a publication that was given up or answered before")
)

// strays counts by kind and lets through one report of each kind a minute: a client that floods a
// subject must not be able to flood the log too, nor to hide another kind.
type strays [numSources][numFaults]strayKind

type strayKind struct {
	count    atomic.Uint64
	reported atomic.Uint64 // of count, at the latest report
	last     atomic.Int64  // time of the latest report, Unix nanoseconds
}

const strayEvery = time.Minute

// due reports whether a report may be made now, and how many messages had none.
func (k *strayKind) due(now time.Time) (suppressed uint64, due bool) {
	last := k.last.Load()
	if last != 0 && now.UnixNano()-last < int64(strayEvery) || !k.last.CompareAndSwap(last, now.UnixNano()) {
		return 0, false
	}
	count := k.count.Load()
	return count - k.reported.Swap(count) - 1, true
}

// Strays returns how many messages of each kind were dropped, all kinds in a fixed
// order, those that never occurred too.
func (b *Bus) Strays() []Stray {
	list := make([]Stray, 0, numSources*numFaults)
	for source := range b.strays {
		for fault := range b.strays[source] {
			if possible(source, fault) {
				list = append(list, Stray{sourceName(source), faultName(fault), b.strays[source][fault].count.Load()})
			}
		}
	}
	return list
}

// possible: only answers can be unknown or late, and they cannot be misplaced.
func possible(source, fault int) bool {
	switch fault {
	case faultUnknown, faultLate:
		return source == fromAnswer
	case faultMisplaced:
		return source == fromEvent || source == fromAck
	}
	return true
}

func sourceName(source int) string {
	return [...]string{"event", "ack", "record", "snapshot", "answer"}[source]
}

func faultName(fault int) string {
	return [...]string{"undecodable", "oversized", "foreign", "misplaced", "unknown", "late"}[fault]
}

func faultOf(err error) int {
	switch {
	case errors.Is(err, errForeign):
		return faultForeign
	case errors.Is(err, errOversized):
		return faultOversized
	case errors.Is(err, errMisplaced):
		return faultMisplaced
	case errors.Is(err, errUnknown):
		return faultUnknown
	case errors.Is(err, errLate):
		return faultLate
	}
	return faultUndecodable
}

// countStray counts a message that is dropped because of err, and reports it.
func (b *Bus) countStray(source int, subject string, err error) {
	fault := faultOf(err)
	k := &b.strays[source][fault]
	k.count.Add(1)
	suppressed, due := k.due(time.Now())
	if !due {
		return
	}
	level := slog.LevelWarn // somebody else writes to this realm's subjects, or a newer version does
	if fault == faultLate {
		level = slog.LevelInfo // slow servers and lost connections do that
	}
	b.log.Log(context.Background(), level, "message dropped", "source", sourceName(source), "fault", faultName(fault),
		"subject", subject, "error", err,
		"count", k.count.Load(), "suppressed", suppressed)
}

// total sums up over all sources what Stats has as one number.
func (s *strays) total(faults ...int) (n uint64) {
	for source := range s {
		if source == fromAnswer {
			continue
		}
		for _, fault := range faults {
			n += s[source][fault].count.Load()
		}
	}
	return n
}
