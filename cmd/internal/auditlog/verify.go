package auditlog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// Source is one file of a log.
type Source struct {
	Name string
	io.Reader
}

// Summary is what a log that was verified holds.
type Summary struct {
	Records     uint64
	First, Last Record // the first and the last of them
	Head        string // hash of the last line
	Missing     uint64 // records that could not be written
	Damaged     int    // lines that a process or a machine died in
	Incomplete  bool   // so is the last line, and nobody has gone on since
	Holds       uint64 // the number of the record whose hash was looked for; 0: it is not there
}

// ErrBroken says that a log is not as it was written.
var ErrBroken = errors.New("the audit log was changed")

// Verify reads the files of a log, oldest first, and checks that nothing was changed, removed, added or
// moved from the first record that there is to the last. holds is the hash of a record to look for, such
// as a head that was noted; empty: none. Where it is not found, [Summary.Holds] is zero, and what comes
// after it may have been made again. The error wraps [ErrBroken], and names the first line that is wrong.
func Verify(sources []Source, holds string) (Summary, error) {
	v := verifier{holds: holds}
	for _, s := range sources {
		if err := v.file(s); err != nil {
			return v.sum, err
		}
	}
	if v.sum.Incomplete = v.fragment != ""; v.sum.Records == 0 && len(sources) > 0 {
		return v.sum, fmt.Errorf("%w: %s holds no record", ErrBroken, sources[0].Name)
	}
	return v.sum, nil
}

type verifier struct {
	sum      Summary
	holds    string
	fragment string // hash of a line that is no record; the next one has to say so
	where    string // that line
}

func (v *verifier) file(s Source) error {
	lines := bufio.NewReaderSize(s, 64<<10)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		ended := err != nil
		if ended && len(line) == 0 {
			return nil
		}
		where := fmt.Sprintf("%s, line %d", s.Name, number)
		if err := v.line(line, where); err != nil {
			return err
		}
		if ended {
			return nil
		}
	}
}

// readLine returns a line without its line feed, and [io.EOF] with one that has none.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err == nil {
		line = line[:len(line)-1]
	}
	if len(line) > maxLine {
		return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrBroken, maxLine)
	}
	return line, err
}

func (v *verifier) line(line []byte, where string) error {
	r, err := parse(line)
	switch {
	case v.fragment != "" && (err != nil || r.Kind != Damaged || r.Fragment != v.fragment):
		return fmt.Errorf("%w: %s is no record, and the line after it does not say why", ErrBroken, v.where)
	case err != nil:
		v.fragment, v.where = hashOf(line), where
		return nil
	case v.fragment == "" && r.Kind == Damaged:
		return fmt.Errorf("%w: %s says that the line before it is incomplete, and it is not", ErrBroken, where)
	}
	if r.Kind == Damaged {
		v.sum.Damaged++
		v.fragment = ""
	}
	if err := v.follows(r, where); err != nil {
		return err
	}
	if v.sum.Records == 0 {
		v.sum.First = r
	}
	v.sum.Records++
	v.sum.Last, v.sum.Head = r, hashOf(line)
	v.sum.Missing += r.Missing
	if v.holds == v.sum.Head {
		v.sum.Holds = r.N
	}
	return nil
}

// follows checks that a record follows the one before it.
func (v *verifier) follows(r Record, where string) error {
	last := v.sum.Last
	switch {
	case v.sum.Records == 0 && (r.N == 1) == (r.Prev == start) && r.N > 0:
		return nil // or it follows a record of an earlier file
	case v.sum.Records == 0:
		return fmt.Errorf("%w: %s is record %d and does not follow what it has to", ErrBroken, where, r.N)
	case r.Prev != v.sum.Head:
		return fmt.Errorf("%w: %s, record %d, does not follow record %d of %s: that one or this one was changed, "+
			"or one between them is gone", ErrBroken, where, r.N, last.N, last.Time.Format(time.RFC3339))
	case r.N != last.N+1:
		return fmt.Errorf("%w: %s is record %d after record %d", ErrBroken, where, r.N, last.N)
	}
	return nil
}
