package dev

import (
	"context"
	"log/slog"
	"sync"
)

// calm holds back warnings until everything is ready. The embedded Redis is empty at each start
// and is refilled from JetStream: meanwhile the parts warn as if a Redis had been lost, which
// would alarm the reader for no reason. If the start fails, everything that was held back is
// logged.
type calm struct {
	slog.Handler
	start *start
}

// start is shared by a logger and all that are derived from it.
type start struct {
	mu    sync.Mutex // guards the rest
	over  bool
	early []held
}

type held struct {
	to     slog.Handler
	record slog.Record
}

// calmly returns a logger that is calm, and a function to call once everything is ready.
func calmly(l *slog.Logger) (*slog.Logger, *start) {
	s := &start{}
	return slog.New(calm{l.Handler(), s}), s
}

// Handle implements [slog.Handler].
func (c calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn && c.start.hold(held{c.Handler, r.Clone()}) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (c calm) WithAttrs(attrs []slog.Attr) slog.Handler {
	return calm{c.Handler.WithAttrs(attrs), c.start}
}

// WithGroup implements [slog.Handler].
func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name), c.start} }

func (s *start) hold(h held) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.early = append(s.early, h)
	}
	return !s.over
}

// ready drops what was held back, since everything is well now.
func (s *start) ready() { s.end() }

// failed logs what was held back, unless ready came first.
func (s *start) failed(ctx context.Context) {
	for _, h := range s.end() {
		_ = h.to.Handle(ctx, h.record) // as slog itself does
	}
}

func (s *start) end() []held {
	s.mu.Lock()
	defer s.mu.Unlock()
	early := s.early
	s.over, s.early = true, nil
	return early
}
