package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Sample is one check with its time, whatever was answered.
type Sample struct {
	Read
	Status int // HTTP; 0: no answer
}

// ask asks a worker about a token. An error means that it gave an answer that none of our tokens
// may get.
func (r *Rig) ask(ctx context.Context, h *History, w *Worker, bearer string) (Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	addr := w.Addr
	if w.Via != "" {
		addr = w.Via
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/check", nil)
	if err != nil {
		return Sample{}, err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	s := Sample{Read: Read{Worker: w.Number, Call: h.Now()}}
	resp, err := r.http.RoundTrip(req)
	if err != nil {
		s.Ret = h.Now()
		return s, nil // killed, or not up yet
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	s.Ret = h.Now()
	if err != nil {
		return s, nil
	}
	s.Status = resp.StatusCode
	s.Answer, err = meaning(resp.StatusCode, body)
	if err != nil {
		err = fmt.Errorf("%s: %w", w.Name, err)
	}
	return s, err
}

// meaning reads a sidecar's answer to /check. Every token here is signed, current and
// well formed, so a refusal for another reason than a revocation is an error.
func meaning(status int, body []byte) (Answer, error) {
	switch {
	case status == http.StatusOK:
		return Allowed, nil
	case status == http.StatusUnauthorized && bytes.Contains(body, []byte(`:revoked"`)):
		return Refused, nil
	case status == http.StatusServiceUnavailable:
		return Unknown, nil
	}
	return Unknown, fmt.Errorf("answered %d: %s", status, body)
}

// pause waits for d or until ctx ends, and reports whether it was d.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
