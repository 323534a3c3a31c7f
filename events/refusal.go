package events

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
)

// The texts with which NATS refuses something. They come beside the answers.
var (
	refusedSubscription = regexp.MustCompile(`(?i)subscription to "([^"]+)"`)
	refusedPublish      = regexp.MustCompile(`(?i)publish to "([^"]+)"`)
)

// refusals passes each refusal of NATS on to the part that asked.
type refusals struct {
	mu        sync.Mutex
	listeners map[*listener]chan error // each has room for one
	acks      refusedAcks
}

func (r *refusals) add(l *listener) <-chan error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listeners == nil {
		r.listeners = make(map[*listener]chan error)
	}
	c := make(chan error, 1)
	r.listeners[l] = c
	return c
}

func (r *refusals) remove(l *listener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.listeners, l)
}

// reported takes in an error that came beside the answers. It must not block: the library
// reports one at a time.
func (b *Bus) reported(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	b.counts.forbidden.Add(1)
	if m := refusedPublish.FindStringSubmatch(err.Error()); m != nil {
		b.publishRefused(m[1], err)
		return
	}
	m := refusedSubscription.FindStringSubmatch(err.Error())
	if m == nil {
		return
	}
	subject := m[1]
	b.refusals.mu.Lock()
	for l, c := range b.refusals.listeners {
		if l.subject == subject {
			select {
			case c <- l.refusal(err):
			default:
			}
		}
	}
	b.refusals.mu.Unlock()
	if strings.HasPrefix(subject, b.inboxPrefix()) {
		b.say.Warn("inbox", `NATS refuses the subject on which it would answer; add "`+b.inboxPrefix()+
			`>" to this user's subscribe permissions, or say of which class of workers it is a user (--class)`, "error",
			err)
		b.link.refresh()
	}
}

func (b *Bus) inboxPrefix() string {
	if p := b.link.opts.InboxPrefix; p != "" {
		return p + "."
	}
	return nats.InboxPrefix
}

func (b *Bus) publishRefused(subject string, err error) {
	if strings.HasPrefix(subject, b.names.ackPrefix) {
		err = fmt.Errorf("%w: NATS does not let this user acknowledge: %w; add %q to its publish permissions",
			revocast.ErrUnsuited, err, subject)
		b.refusals.acks.refused(err, time.Now())
		b.say.Warn("acknowledge", "acknowledgements are refused: every revocation waits for this worker's next renewal",
			"error", err)
		return
	}
	b.say.Warn("publish "+subject, "NATS does not let this user publish; compare its permissions with those in "+
		"deploy/nats.conf", "subject", subject, "error", err)
}

// Pace of acknowledging what is refused.
const (
	ackProbe   = time.Second     // between two attempts
	ackSilence = 2 * time.Second // without a refusal after an attempt, it was let through
)

// refusedAcks knows whether acknowledgements are let through. The server does not answer an
// acknowledgement that is let through. So it counts as let through if no refusal comes for a while.
type refusedAcks struct {
	mu      sync.Mutex
	err     error     // of the latest refusal; nil: they are let through
	tried   time.Time // the latest attempt since then
	refusal bool      // that attempt was refused too
}

func (r *refusedAcks) refused(err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.tried = now
	}
	r.err, r.refusal = err, true
}

// may reports whether an acknowledgement is to be sent now, and what became of the earlier ones.
// While they are refused, one a second is sent, because each refusal costs the server a line in its
// log.
func (r *refusedAcks) may(now time.Time) (send bool, before error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch since := now.Sub(r.tried); {
	case r.err == nil:
		return true, nil
	case !r.refusal && since >= ackSilence:
		r.err = nil
		return true, nil
	case r.refusal && since >= ackProbe:
		r.tried, r.refusal = now, false
		return true, r.err
	}
	return false, r.err
}
