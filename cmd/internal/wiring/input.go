package wiring

import (
	"context"
	"fmt"
	"io"
	"os"
)

// IsTerminal reports whether a person is at the other end. The null device is a character device,
// too, but no person is there.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// Prompt says on standard error what standard input is read for, if that is a terminal.
func (s *Streams) Prompt(format string, args ...any) {
	if IsTerminal(s.In) {
		fmt.Fprintf(s.Err, format, args...)
	}
}

// Interruptible reads from r until ctx ends. So Ctrl-C ends a command that waits for somebody to
// type, although the read itself cannot be cancelled.
func Interruptible(ctx context.Context, r io.Reader) io.Reader { return &interruptible{ctx: ctx, r: r} }

type interruptible struct {
	ctx   context.Context
	r     io.Reader
	under chan result // of the read in progress; nil: there is none
	left  []byte
	err   error
}

type result struct {
	data []byte
	err  error
}

// Read implements [io.Reader]. It must not be called concurrently.
func (i *interruptible) Read(p []byte) (int, error) {
	for len(i.left) == 0 {
		if i.err != nil {
			return 0, i.err
		}
		if i.under == nil {
			under := make(chan result, 1)
			i.under = under
			go func() {
				data := make([]byte, 32<<10)
				n, err := i.r.Read(data)
				under <- result{data[:n], err}
			}()
		}
		select {
		case r := <-i.under:
			i.under, i.left, i.err = nil, r.data, r.err
		case <-i.ctx.Done():
			return 0, fmt.Errorf("interrupted: %w", context.Cause(i.ctx))
		}
	}
	n := copy(p, i.left)
	i.left = i.left[n:]
	return n, nil
}
