package embednats

import (
	"fmt"
	"log/slog"
	"sync"
)

// logger passes what the server logs on to slog and keeps the latest error, which is
// the only place where the server says why it did not start.
type logger struct {
	log *slog.Logger

	mu   sync.Mutex
	last string // the latest error or fatal message
}

func (l *logger) worst() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return "not ready in time"
	}
	return l.last
}

func (l *logger) keep(format string, v []any) string {
	text := fmt.Sprintf(format, v...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = text
	return text
}

func (l *logger) Noticef(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }

func (l *logger) Warnf(format string, v ...any)  { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }
func (l *logger) Fatalf(format string, v ...any) { l.log.Error("nats: " + l.keep(format, v)) }
func (l *logger) Errorf(format string, v ...any) { l.log.Error("nats: " + l.keep(format, v)) }
func (l *logger) Debugf(string, ...any)          {}
func (l *logger) Tracef(string, ...any)          {}
