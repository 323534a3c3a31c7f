// Package throttle keeps what happens again and again from filling a log: the first line of each
// kind is written immediately, then one a minute that says how many were left out. It needs the
// standard library alone, so every package of the module may use it.
package throttle

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Every is the least time between two lines of one kind.
const Every = time.Minute

// maxKinds bounds the memory: kinds may be made of what a server or a caller says. Those
// that come when there are so many share one.
const maxKinds = 256

// Log writes lines by kind. It is safe for concurrent use.
type Log struct {
	log *slog.Logger
	now func() time.Duration

	// mu guards kinds.
	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	wrote   time.Duration
	leftOut uint64 // since then
}

// New returns a log on l, which must not be nil. now is a monotonic clock; nil: the
// process's own.
func New(l *slog.Logger, now func() time.Duration) *Log {
	if now == nil {
		start := time.Now()
		now = func() time.Duration { return time.Since(start) }
	}
	return &Log{log: l, now: now, kinds: make(map[string]*kind)}
}

// Warn is Log at the level of a warning.
func (t *Log) Warn(kind, message string, args ...any) { t.Log(slog.LevelWarn, kind, message, args...) }

// Info is Log for news.
func (t *Log) Info(kind, message string, args ...any) { t.Log(slog.LevelInfo, kind, message, args...) }

// Log writes a line, unless one of its kind was written less than [Every] ago. The kind is
// what makes two lines say the same thing; numbers and addresses do not belong into it.
func (t *Log) Log(level slog.Level, kind, message string, args ...any) {
	if !t.log.Enabled(context.Background(), level) {
		return
	}
	leftOut, due := t.due(kind)
	if !due {
		return
	}
	if leftOut > 0 {
		args = append(args[:len(args):len(args)], "left_out", leftOut)
	}
	t.log.Log(context.Background(), level, message, args...)
}

// due reports whether a line of the kind may be written now, and how many had to be left
// out before it.
func (t *Log) due(name string) (leftOut uint64, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	k := t.kinds[name]
	if k == nil && len(t.kinds) >= maxKinds {
		name = ""
		k = t.kinds[name]
	}
	switch {
	case k == nil:
		t.kinds[name] = &kind{wrote: now}
		return 0, true
	case now-k.wrote < Every:
		k.leftOut++
		return 0, false
	}
	leftOut = k.leftOut
	k.wrote, k.leftOut = now, 0
	return leftOut, true
}
