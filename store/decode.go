package store

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

var errReply = script.ErrReply

// reader reads values that only the ledger's scripts return.
type reader struct{ *script.Reader }

func read(reply any) reader { return reader{script.Read(reply)} }

func (r reader) sub() reader { return reader{r.Sub()} }

func (r reader) key() revocast.Key {
	s := r.Text()
	if s == "" || s == "-" {
		return revocast.Key{}
	}
	k, err := revocast.ParseKey(s)
	if err != nil {
		r.Fail("want a key", s)
	}
	return k
}

func (r reader) position() revocast.Position {
	return revocast.Position{Epoch: r.Uint(), Rev: r.Uint()}
}

// state reads the fields of a state in the order in which check.lua and
// snapshot.lua ask for them.
func (r reader) state() revocast.State {
	return revocast.State{
		CutOff: r.Int(), Except: r.key(), Floor: r.Int(), Until: r.Int(), At: r.position(),
		Ban: revocast.BanState{From: r.Int(), Until: r.Int(), At: r.position()},
	}
}

// entries reads log entries as XRANGE returns them.
func (r reader) entries() ([]revocast.Event, error) {
	events := make([]revocast.Event, 0, r.Len())
	for r.More() {
		entry := r.sub()
		id := entry.Text()
		fields := entry.sub()
		e, err := parseEntry(id, fields)
		if err = errors.Join(r.Err, entry.Err, fields.Err, err); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, r.Err
}

func parseEntry(id string, r reader) (revocast.Event, error) {
	var e revocast.Event
	var err error
	if e.Position, err = revocast.ParsePosition(id); err != nil {
		return e, err
	}
	for r.More() {
		switch r.Text() {
		case "k":
			e.Kind = revocast.Kind(r.Uint())
		case "s":
			e.Scope = revocast.Scope(r.Uint())
		case "h":
			e.Key = r.key()
		case "w":
			e.Sealed = r.Text()
		case "n":
			if e.Names = uint8(min(r.Uint(), 255)); e.Names == 255 {
				r.Fail("want a number of name secrets", "255 or more")
			}
		case "t":
			e.At = r.Int()
		case "c":
			e.CutOff = r.Int()
		case "x":
			e.Except = r.key()
		case "u":
			e.Until = r.Int()
		case "f":
			e.From = r.Int()
		case "y":
			e.Reason = r.Text()
		case "i":
			e.Initiator = r.Text()
		default:
			r.Any()
		}
	}
	if r.Err == nil && (!e.Kind.Valid() || !e.Scope.Valid()) {
		return e, fmt.Errorf("%w: log entry %s has no kind or scope", errReply, id)
	}
	return e, r.Err
}

// parseAnswer reads commit.lua's answer: one entry for each proposal, which it
// completes.
func parseAnswer(answer string, proposals []revocast.Event) ([]port.CommitEntry, error) {
	parts := strings.Split(answer, ";")
	if len(parts) != len(proposals) {
		return nil, fmt.Errorf("%w: %d entries for %d proposals", errReply, len(parts), len(proposals))
	}
	entries := make([]port.CommitEntry, len(parts))
	for i, part := range parts {
		fields := strings.Split(part, " ")
		if len(fields) != 6 {
			return nil, fmt.Errorf("%w: entry %.80q", errReply, part)
		}
		position, err := revocast.ParsePosition(fields[0])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errReply, err)
		}
		r := read([]any{fields[1], fields[2], fields[3], fields[4], fields[5]})
		e := proposals[i]
		e.Reckoned = revocast.Reckoning{}
		e.Position, e.At, e.CutOff, e.Except, e.Until = position, r.Int(), r.Int(), r.key(), r.Int()
		if e.Kind == revocast.KindRevoked {
			e.From = 0 // of which the cut-off was made
		}
		entries[i] = port.CommitEntry{Event: e, Fresh: r.Flag()}
		if r.Err != nil {
			return nil, r.Err
		}
	}
	return entries, nil
}

// scanCursor is the cursor that SCAN begins with, or goes on at.
func scanCursor(cursor string) (string, error) {
	if cursor == "" {
		return "0", nil
	}
	if _, err := strconv.ParseUint(cursor, 10, 64); err != nil {
		return "", fmt.Errorf("%w: cursor %.32q", revocast.ErrInvalid, cursor)
	}
	return cursor, nil
}

// nextCursor is where SCAN goes on; empty: it has come to the end.
func (r reader) nextCursor() string {
	if next := r.Text(); next != "0" {
		return next
	}
	return ""
}
