package publishercmd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

// maxLine is the longest line read from a file of revocations, in bytes.
const maxLine = 64 << 10

// lineReader reads revocations, one JSON object a line, as the API takes them.
type lineReader struct {
	scan *bufio.Scanner
	line int   // number of the last line read
	read int64 // bytes read so far
}

func newLineReader(r io.Reader) *lineReader {
	l := &lineReader{scan: bufio.NewScanner(r)}
	l.scan.Buffer(make([]byte, 0, 4096), maxLine)
	return l
}

// batch reads up to n revocations. At the end it returns what is left, beside
// [io.EOF]; at a bad line what stands before it, beside the error.
func (l *lineReader) batch(n int) ([]apitypes.Revocation, error) {
	var list []apitypes.Revocation
	for len(list) < n {
		if !l.scan.Scan() {
			return list, l.end()
		}
		l.line++
		l.read += int64(len(l.scan.Bytes())) + 1
		text := bytes.TrimSpace(l.scan.Bytes())
		if len(text) == 0 {
			continue
		}
		one, err := decodeLine(text)
		if err != nil {
			return list, fmt.Errorf("line %d: %w", l.line, err)
		}
		list = append(list, one)
	}
	return list, nil
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

// decodeLine reads one revocation. The strength is the command line's to choose, for
// all lines alike.
func decodeLine(text []byte) (apitypes.Revocation, error) {
	r, err := apitypes.DecodeRevocations(text)
	switch {
	case err != nil:
		return apitypes.Revocation{}, err
	case r.Batch:
		return apitypes.Revocation{}, fmt.Errorf("%w: want one revocation a line, not a batch", revocast.ErrInvalid)
	case r.Strength != 0:
		return apitypes.Revocation{}, fmt.Errorf("%w: the strength is chosen for all lines by --strength", revocast.ErrInvalid)
	}
	return r.List[0], nil
}
