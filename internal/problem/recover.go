package problem

import (
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Recover answers with a 500 problem when next panics, and logs the panic with its
// stack. If part of an answer is out already, the connection is cut instead, so
// that the client does not take the part for the whole. A handler that aborts on
// purpose with [http.ErrAbortHandler] is left alone.
func Recover(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := &sentWriter{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				answerPanic(logger, sent, r, cause)
			}
		}()
		next.ServeHTTP(sent, r)
	})
}

func answerPanic(logger *slog.Logger, w *sentWriter, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	logger.Error("handler panicked", "method", r.Method, "panic", cause, "stack", string(debug.Stack()))
	if w.sent {
		panic(http.ErrAbortHandler)
	}
	Write(w, Internal())
}

// sentWriter remembers whether an answer has begun.
type sentWriter struct {
	http.ResponseWriter
	sent bool
}

func (w *sentWriter) WriteHeader(status int) {
	// 1xx answers are followed by the real one.
	w.sent = w.sent || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

func (w *sentWriter) Write(p []byte) (int, error) {
	w.sent = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *sentWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
