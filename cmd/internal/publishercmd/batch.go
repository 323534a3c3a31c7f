package publishercmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

const (
	// maxLine is the longest line read from a file of revocations, in bytes.
	maxLine = 64 << 10
	// maxBatchBytes is how long the revocations of one call may be together, as they are sent, so
	// that the whole body stays within the server's limit. A line grows to at most six times its
	// length when it is sent, and so always fits.
	maxBatchBytes = apitypes.MaxBody - 1<<10
)

// lineReader reads revocations, one JSON object a line, as the API takes them.
type lineReader struct {
	scan *bufio.Scanner
	line int   // number of the last line read
	read int64 // bytes read so far
	held *held // read, and too long for the batch before
}

// held is one revocation and its place in the input.
type held struct {
	one  apitypes.Revocation
	size int // in bytes, as it is sent
	line int
}

func newLineReader(r io.Reader) *lineReader {
	l := &lineReader{scan: bufio.NewScanner(r)}
	l.scan.Buffer(make([]byte, 0, 4096), maxLine)
	return l
}

// batch reads up to n revocations that fit into one call, and returns the last line that it read.
// At the end it returns what is left, together with [io.EOF]. At a bad line it returns what comes
// before that line, together with the error.
func (l *lineReader) batch(n int) (list *apitypes.Revocations, upTo int, err error) {
	size := 0
	list = &apitypes.Revocations{Batch: true}
	for len(list.List) < n {
		next := l.held
		if l.held = nil; next == nil {
			if next, err = l.next(); err != nil {
				return list, upTo, err
			}
		}
		if size += next.size; size > maxBatchBytes && len(list.List) > 0 {
			l.held = next
			return list, upTo, nil
		}
		list.List, upTo = append(list.List, next.one), next.line
	}
	return list, upTo, nil
}

// next reads the next line that is not empty.
func (l *lineReader) next() (*held, error) {
	for l.scan.Scan() {
		l.line++
		l.read += int64(len(l.scan.Bytes())) + 1
		text := bytes.TrimSpace(l.scan.Bytes())
		if len(text) == 0 {
			continue
		}
		one, err := decodeLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", l.line, err)
		}
		sent, err := json.Marshal(one)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w: %w", l.line, revocast.ErrInvalid, err)
		}
		return &held{one, len(sent) + len(","), l.line}, nil
	}
	return nil, l.end()
}

func (l *lineReader) end() error {
	switch err := l.scan.Err(); {
	case err == nil:
		return io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("line %d: %w: longer than %d bytes", l.line+1, revocast.ErrInvalid, maxLine)
	default:
		return fmt.Errorf("line %d: %w", l.line+1, err)
	}
}

// decodeLine reads one revocation. The command line chooses the strength for all lines.
func decodeLine(text []byte) (apitypes.Revocation, error) {
	r, err := apitypes.DecodeRevocations(text)
	switch {
	case err != nil:
		return apitypes.Revocation{}, err
	case r.Batch:
		return apitypes.Revocation{}, fmt.Errorf("%w: want one revocation a line, not a batch", revocast.ErrInvalid)
	case r.Strength != 0:
		return apitypes.Revocation{}, fmt.Errorf("%w: the strength is chosen for all lines by --strength",
			revocast.ErrInvalid)
	}
	return r.List[0], nil
}
