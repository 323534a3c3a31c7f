package faults

import (
	"math"
	"sync"
	"time"
)

// Answer is what a check said, as far as the register is concerned.
type Answer uint8

// The answers. Unknown constrains nothing and is not kept.
const (
	Unknown Answer = iota
	Allowed
	Refused
)

// String returns the answer in lower case.
func (a Answer) String() string {
	return [...]string{"unknown", "allowed", "refused"}[a]
}

// never is the return time of a call that did not return: it may take effect at any time.
const never = math.MaxInt64

// Read is one check of a token at a worker.
type Read struct {
	Worker    int
	Call, Ret int64 // nanoseconds since the history began
	Answer    Answer
}

// Write is one call that gives tokens a value.
type Write struct {
	Name  string
	Value Answer // Refused: a revocation or a ban; Allowed: a lift
	Call  int64
	Ret   int64 // when it was confirmed; never: it was not
}

// History is what callers saw. It is safe for concurrent use.
type History struct {
	began time.Time // with a monotonic reading; what follows counts from it

	mu      sync.Mutex
	records []*Record
}

// NewHistory begins a history now.
func NewHistory() *History { return &History{began: time.Now()} }

// Now is the monotonic time since the history began, in nanoseconds.
func (h *History) Now() int64 { return int64(time.Since(h.began)) }

// Track begins the record of a token.
func (h *History) Track(name string) *Record {
	r := &Record{name: name}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, r)
	return r
}

// Records returns all records so far.
func (h *History) Records() []*Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*Record(nil), h.records...)
}

// Record is the history of one token.
type Record struct {
	name string

	mu     sync.Mutex
	reads  []Read
	writes []*Write
}

// Check adds a check that was answered. An unknown answer is left out.
func (r *Record) Check(read Read) {
	if read.Answer == Unknown {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads = append(r.reads, read)
}

// Begin adds a call that covers the token from now on, not confirmed yet. The same
// write may be begun on several tokens.
func (r *Record) Begin(w *Write) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, w)
}

// snapshot copies what there is.
func (r *Record) snapshot() (reads []Read, writes []Write) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.writes {
		writes = append(writes, *w)
	}
	return append([]Read(nil), r.reads...), writes
}
