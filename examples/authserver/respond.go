package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/account/outbox"
)

// maxBody is how long a request may be; no honest request comes near.
const maxBody = 8 << 10

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}

// problem answers with a problem of RFC 9457.
func problem(w http.ResponseWriter, status int, title, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(
		map[string]any{"type": "about:blank", "status": status, "title": title, "detail": detail},
	)
}

// tooMany answers a request that has to wait.
func tooMany(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.FormatInt(limit.Seconds(wait), 10))
	problem(w, http.StatusTooManyRequests, "too many attempts", "wait and try again")
}

// unavailable answers when something could not be established. The client keeps its tokens and
// tries again.
func (s *service) unavailable(w http.ResponseWriter, err error) {
	if errors.Is(err, errBusy) {
		w.Header().Set("Retry-After", "2")
		problem(w, http.StatusServiceUnavailable, "busy", "try again in a moment")
		return
	}
	s.log.Error("a request could not be answered", "error", err)
	w.Header().Set("Retry-After", "1")
	problem(w, http.StatusServiceUnavailable, "unavailable", "try again")
}

// read decodes a JSON body. Any other content type is refused: a form on another site can send
// those types, but not JSON.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		problem(w, http.StatusUnsupportedMediaType, "want application/json", "")
		return false
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = decodeStrictly(text, into)
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "the body is not JSON that this endpoint takes", err.Error())
	}
	return err == nil
}

// decided reports whether the request will take effect for certain in spite of err.
func decided(err error) bool {
	return errors.Is(err, revocast.ErrPending) || errors.Is(err, outbox.ErrOwed)
}

// ended answers a request that ended something: 200 when no worker accepts it any more, 202 when it is
// decided and on its way. A repeated request waits again. It reports whether the end was decided at all.
func (s *service) ended(w http.ResponseWriter, receipts []revocast.Receipt, err error) bool {
	body := map[string]any{"confirmed": err == nil}
	if n := len(receipts); n > 0 {
		last := receipts[n-1]
		body["workers"] = last.Workers.Live
		body["took_ms"] = float64(last.Took.Microseconds()) / 1000
		if len(last.Warnings) > 0 {
			body["warnings"] = last.Warnings
		}
	}
	switch {
	case err == nil:
		reply(w, http.StatusOK, body)
	case decided(err):
		s.log.Warn("ended, and not confirmed yet", "error", err)
		body["detail"] = "decided, and will finish by itself; some part of the service may accept it for a few " +
			"more seconds"
		reply(w, http.StatusAccepted, body)
	case errors.Is(err, revocast.ErrInvalid):
		problem(w, http.StatusBadRequest, "invalid request", err.Error())
		return false
	default:
		s.unavailable(w, fmt.Errorf("end: %w", err))
		return false
	}
	return true
}
