package wiring

import (
	"io"
	"log/slog"
)

// LogFlags say what is logged, to standard error.
type LogFlags struct {
	LogLevel  slog.Level `default:"info" help:"Least level that is logged: debug, info, warn or error."`
	LogFormat string     `default:"text" enum:"text,json" help:"Format of the log: text or json."`
}

// Logger makes the logger.
func (f *LogFlags) Logger(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: f.LogLevel}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
