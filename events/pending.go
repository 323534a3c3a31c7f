package events

import "time"

// The list of ages of the publisher: its functions are called with mu held.

func (p *publisher) appendLocked(e *publication) {
	e.prev = p.newest
	if p.newest == nil {
		p.oldest = e
	} else {
		p.newest.next = e
	}
	p.newest = e
	p.armLocked()
}

func (p *publisher) removeLocked(e *publication) {
	delete(p.pending, e.number)
	if e.prev == nil {
		p.oldest = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		p.newest = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.prev, e.next = nil, nil
}

// armLocked sets the one timer for the oldest publication. It is not stopped when
// that one is answered: it fires once for nothing and finds the next deadline.
func (p *publisher) armLocked() {
	if p.armed || p.oldest == nil || p.closed {
		return
	}
	p.armed = true
	wait := time.Until(p.oldest.deadline)
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, p.expire)
		return
	}
	p.timer.Reset(wait)
}
