package script

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrReply: a script gave an answer that none of ours gives.
var ErrReply = errors.New("store: unexpected reply of a script")

// Reader takes a script's reply apart, field by field. The first thing that is not
// what it should be makes it fail, and every read after that yields zero.
type Reader struct {
	Err error // the first failure

	vals []any
	next int
}

// Read starts on a reply, which must be a list; nil is an empty one.
func Read(reply any) *Reader {
	vals, ok := reply.([]any)
	r := &Reader{vals: vals}
	if !ok && reply != nil {
		r.Fail("want a list", reply)
	}
	return r
}

// Fail records that got is not what was wanted, unless something failed before.
func (r *Reader) Fail(want string, got any) {
	if r.Err == nil {
		r.Err = fmt.Errorf("%w: field %d: %s, got %T %.80q", ErrReply, r.next, want, got, fmt.Sprint(got))
	}
}

// Len is how many fields there are, those already read included.
func (r *Reader) Len() int { return len(r.vals) }

// More reports whether there is another field.
func (r *Reader) More() bool { return r.Err == nil && r.next < len(r.vals) }

// Any reads a field of any kind.
func (r *Reader) Any() any {
	if r.Err != nil || r.next >= len(r.vals) {
		r.Fail("reply is too short", nil)
		return nil
	}
	v := r.vals[r.next]
	r.next++
	return v
}

// Text reads a string; nil, a field that is not there, is empty.
func (r *Reader) Text() string {
	switch v := r.Any().(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case nil:
	default:
		r.Fail("want text", v)
	}
	return ""
}

// Uint reads a number; an empty field is zero.
func (r *Reader) Uint() uint64 {
	s := r.Text()
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		r.Fail("want a number", s)
	}
	return n
}

// Int reads a number that is not negative.
func (r *Reader) Int() int64 {
	n := r.Uint()
	if n > 1<<63-1 {
		r.Fail("want a smaller number", n)
	}
	return int64(n)
}

// Signed reads a number that may be negative; there is none in an empty field.
func (r *Reader) Signed() (n int64, there bool) {
	s := r.Text()
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		r.Fail("want a number", s)
	}
	return n, err == nil
}

// Flag reads a truth value: "1" is true.
func (r *Reader) Flag() bool { return r.Text() == "1" }

// Sub reads a field that is a list of its own. If it has failed by then, the outer one has failed
// too.
func (r *Reader) Sub() *Reader {
	inner := Read(r.Any())
	if inner.Err != nil && r.Err == nil {
		r.Err = inner.Err
	}
	return inner
}
