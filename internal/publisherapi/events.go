package publisherapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/problem"
)

const (
	// openGrace is how long a new stream waits for its first event before the headers go out:
	// within that time a position that the log no longer holds is noticed, and can be answered
	// with its own status.
	openGrace = 100 * time.Millisecond
	// reconnect is after how long a client is told to come back.
	reconnect = time.Second
)

// getEvents sends the history after a position, and then what happens, as server-sent events
// (HTML Living Standard §9.2). The position is Last-Event-ID, or the parameter after; without
// either the stream starts now. Canaries are left out. Their positions are still sent, as ids
// without an event, so that a client that reconnects does not ask for what was trimmed long ago.
func (h *Handler) getEvents(w http.ResponseWriter, r *http.Request, _ []string) error {
	if err := h.allow(r, apitoken.Need{Right: apitoken.Read, Whole: true}); err != nil {
		return err
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		return h.tooManyStreams()
	}
	query, err := params(r, "after", "canary")
	if err != nil {
		return err
	}
	canary, err := yes(query, "canary")
	if err != nil {
		return err
	}
	after, err := h.startOf(r, query)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	events, ended := h.watch(ctx, after)
	// Watch sends into events, so it must have ended before this function returns.
	defer func() { cancel(); <-ended.done }()

	s := &stream{h: h, w: w, control: http.NewResponseController(w), start: after, canary: canary}
	s.still = visitOf(r).caller.still
	first, err := s.first(ctx, events, ended)
	if err != nil {
		return err
	}
	s.run(ctx, first, events, ended)
	return nil
}

func (h *Handler) tooManyStreams() error {
	p := problem.New(http.StatusServiceUnavailable, "too-many-streams", "Too many event streams",
		fmt.Sprintf("%d are open already", h.o.MaxStreams))
	p.RetryAfter = 5 * time.Second
	return p
}

func (h *Handler) startOf(r *http.Request, query url.Values) (revocast.Position, error) {
	if n := len(r.Header.Values("Last-Event-ID")); n > 1 {
		return revocast.Position{}, fmt.Errorf("%w: %d Last-Event-ID headers", revocast.ErrInvalid, n)
	}
	text := r.Header.Get("Last-Event-ID") // a client that reconnects knows a newer position
	if text == "" {
		text = query.Get("after")
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.o.RequestTimeout)
	defer cancel()
	tip, err := h.deps.Publisher.Tip(ctx)
	if err != nil || text == "" {
		return tip, err
	}
	after, err := revocast.ParsePosition(text)
	if err == nil && tip.Before(after) {
		err = fmt.Errorf("%w: %s is not reached yet, the ledger is at %s: the position is another ledger's",
			revocast.ErrTrimmed, after, tip)
	}
	return after, err
}

// ending is how a watch ended. err may be read once done is closed.
type ending struct {
	done chan struct{}
	err  error
}

// watch runs the publisher's Watch until ctx ends. Its events wait for the reader. A slow client
// delays only its own watch, and its write deadline drops it.
func (h *Handler) watch(ctx context.Context, after revocast.Position) (<-chan revocast.Event, *ending) {
	events, end := make(chan revocast.Event, 64), &ending{done: make(chan struct{})}
	go func() {
		defer close(end.done)
		end.err = h.deps.Publisher.Watch(ctx, after, func(e revocast.Event) error {
			select {
			case events <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return events, end
}

// stream writes one client's events.
type stream struct {
	h       *Handler
	w       http.ResponseWriter
	control *http.ResponseController
	start   revocast.Position
	canary  bool        // canaries are sent too
	still   func() bool // whether the caller may still listen; nil: it may
}

// first waits a moment for the first event, and returns the error of a watch that
// ended before any.
func (s *stream) first(ctx context.Context, events <-chan revocast.Event, end *ending) (*revocast.Event, error) {
	grace := time.NewTimer(openGrace)
	defer grace.Stop()
	select {
	case e := <-events:
		return &e, nil
	case <-end.done:
		select {
		case e := <-events: // came before the end, though both are there now
			return &e, nil
		default:
		}
		if ctx.Err() == nil && end.err != nil {
			return nil, end.err
		}
	case <-grace.C:
	case <-ctx.Done():
	case <-s.h.draining:
	}
	return nil, nil
}

func (s *stream) run(ctx context.Context, first *revocast.Event, events <-chan revocast.Event, end *ending) {
	if err := s.open(); err != nil {
		return
	}
	if first != nil && s.send(*first, events) != nil {
		return
	}
	beat := time.NewTicker(s.h.o.Heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case e := <-events:
			err = s.send(e, events)
		case <-beat.C:
			if s.still != nil && !s.still() {
				return // its API token was withdrawn or has ended
			}
			err = s.write(": still here\n\n")
		case <-end.done:
			s.close(ctx, events, end.err)
			return
		case <-s.h.draining:
			return
		case <-ctx.Done():
			return
		}
		if err != nil {
			s.h.o.Logger.Info("event stream dropped", "err", err)
			return
		}
	}
}

// open sends the headers, and the position that the stream starts after, as an id without an
// event. A client whose connection breaks before the first event then resumes from there and
// misses nothing. From here on each write has its own deadline. The server's WriteTimeout is for
// requests that end, and does not apply.
func (s *stream) open() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx: pass it on as it comes
	s.w.WriteHeader(http.StatusOK)
	return s.write(fmt.Sprintf("id: %s\nretry: %d\n\n", s.start, reconnect.Milliseconds()))
}

// send writes an event and the others that are ready, and flushes once.
func (s *stream) send(e revocast.Event, events <-chan revocast.Event) error {
	text := s.append(nil, e)
	for len(text) < 32<<10 {
		select {
		case e = <-events:
			text = s.append(text, e)
			continue
		default:
		}
		break
	}
	return s.write(string(text))
}

func (s *stream) append(dst []byte, e revocast.Event) []byte {
	if !s.canary && IsCanary(e) {
		return fmt.Appendf(dst, "id: %s\n\n", e.Position)
	}
	data, err := json.Marshal(apitypes.NewEvent(e))
	if err != nil { // cannot happen: strings, times and a boolean
		return dst
	}
	return fmt.Appendf(dst, "id: %s\ndata: %s\n\n", e.Position, data)
}

// close sends what is left, and the reason if the client did not end the stream itself.
func (s *stream) close(ctx context.Context, events <-chan revocast.Event, cause error) {
	for len(events) > 0 {
		if s.send(<-events, events) != nil {
			return
		}
	}
	if cause == nil || ctx.Err() != nil {
		return
	}
	s.h.o.Logger.Warn("event stream ended", "err", cause)
	body, err := json.Marshal(problem.From(cause))
	if err != nil { // cannot happen: strings and a number
		return
	}
	_ = s.write(fmt.Sprintf("event: problem\ndata: %s\n\n", body)) // the client has the reason, or is gone
}

// write sends text within the client's time limit. It removes the deadline immediately: with
// HTTP/2, a deadline that passes between two writes resets the stream.
func (s *stream) write(text string) error {
	if err := s.deadline(time.Now().Add(s.h.o.SlowClient)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	return s.deadline(time.Time{})
}

// deadline sets the write deadline where the connection has one; a
// httptest.ResponseRecorder has none.
func (s *stream) deadline(t time.Time) error {
	err := s.control.SetWriteDeadline(t)
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// CanaryReason is the reason that marks a canary.
const CanaryReason = "canary"

// IsCanary reports whether an event is a canary. Listeners get canaries only if they ask.
func IsCanary(e revocast.Event) bool {
	return e.Kind == revocast.KindRevoked && e.Scope == revocast.ScopeToken && e.Reason == CanaryReason &&
		e.Initiator == ""
}
