package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/revocast/revocast"
)

var errReply = errors.New("store: unexpected reply of a script")

// reader takes a script's reply apart, field by field. The first thing that is not
// what it should be makes it fail, and every read after that yields zero.
type reader struct {
	vals []any
	next int
	err  error
}

func read(reply any) *reader {
	vals, ok := reply.([]any)
	r := &reader{vals: vals}
	if !ok && reply != nil {
		r.fail("want a list", reply)
	}
	return r
}

func (r *reader) fail(want string, got any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: field %d: %s, got %T %.80q", errReply, r.next, want, got, fmt.Sprint(got))
	}
}

func (r *reader) more() bool { return r.err == nil && r.next < len(r.vals) }

func (r *reader) any() any {
	if r.err != nil || r.next >= len(r.vals) {
		r.fail("reply is too short", nil)
		return nil
	}
	v := r.vals[r.next]
	r.next++
	return v
}

// text reads a string; nil, a field that is not there, is empty.
func (r *reader) text() string {
	switch v := r.any().(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case nil:
	default:
		r.fail("want text", v)
	}
	return ""
}

func (r *reader) uint() uint64 {
	s := r.text()
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		r.fail("want a number", s)
	}
	return n
}

func (r *reader) int() int64 {
	n := r.uint()
	if n > 1<<63-1 {
		r.fail("want a smaller number", n)
	}
	return int64(n)
}

func (r *reader) flag() bool { return r.text() == "1" }

func (r *reader) key() revocast.Key {
	s := r.text()
	if s == "" || s == "-" {
		return revocast.Key{}
	}
	k, err := revocast.ParseKey(s)
	if err != nil {
		r.fail("want a key", s)
	}
	return k
}

func (r *reader) position() revocast.Position {
	return revocast.Position{Epoch: r.uint(), Rev: r.uint()}
}

func (r *reader) sub() *reader {
	inner := read(r.any())
	if inner.err != nil && r.err == nil {
		r.err = inner.err
	}
	return inner
}

// state reads the fields of a state in the order in which check.lua and
// snapshot.lua ask for them.
func (r *reader) state() revocast.State {
	return revocast.State{
		CutOff: r.int(), Except: r.key(), Floor: r.int(), Until: r.int(), At: r.position(),
		Ban: revocast.BanState{From: r.int(), Until: r.int(), At: r.position()},
	}
}

// entries reads log entries as XRANGE returns them.
func (r *reader) entries() ([]revocast.Event, error) {
	events := make([]revocast.Event, 0, len(r.vals))
	for r.more() {
		entry := r.sub()
		id := entry.text()
		fields := entry.sub()
		e, err := parseEntry(id, fields)
		if err = errors.Join(r.err, entry.err, fields.err, err); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, r.err
}

func parseEntry(id string, r *reader) (revocast.Event, error) {
	var e revocast.Event
	var err error
	if e.Position, err = revocast.ParsePosition(id); err != nil {
		return e, err
	}
	for r.more() {
		switch r.text() {
		case "k":
			e.Kind = revocast.Kind(r.uint())
		case "s":
			e.Scope = revocast.Scope(r.uint())
		case "h":
			e.Key = r.key()
		case "t":
			e.At = r.int()
		case "c":
			e.CutOff = r.int()
		case "x":
			e.Except = r.key()
		case "u":
			e.Until = r.int()
		case "f":
			e.From = r.int()
		case "y":
			e.Reason = r.text()
		case "i":
			e.Initiator = r.text()
		default:
			r.any()
		}
	}
	if r.err == nil && (!e.Kind.Valid() || !e.Scope.Valid()) {
		return e, fmt.Errorf("%w: log entry %s has no kind or scope", errReply, id)
	}
	return e, r.err
}

// parseAnswer reads commit.lua's answer: one entry for each proposal, which it
// completes.
func parseAnswer(answer string, proposals []revocast.Event) ([]revocast.CommitEntry, error) {
	parts := strings.Split(answer, ";")
	if len(parts) != len(proposals) {
		return nil, fmt.Errorf("%w: %d entries for %d proposals", errReply, len(parts), len(proposals))
	}
	entries := make([]revocast.CommitEntry, len(parts))
	for i, part := range parts {
		fields := strings.Split(part, " ")
		if len(fields) != 6 {
			return nil, fmt.Errorf("%w: entry %.80q", errReply, part)
		}
		position, err := revocast.ParsePosition(fields[0])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errReply, err)
		}
		r := &reader{vals: []any{fields[1], fields[2], fields[3], fields[4], fields[5]}}
		e := proposals[i]
		e.Position, e.At, e.CutOff, e.Except, e.Until = position, r.int(), r.int(), r.key(), r.int()
		entries[i] = revocast.CommitEntry{Event: e, Fresh: r.flag()}
		if r.err != nil {
			return nil, r.err
		}
	}
	return entries, nil
}
