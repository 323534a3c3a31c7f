package wiring

import (
	"context"
	"fmt"
	"io"
	"os"
)

// IsTerminal reports whether a person is at the other end. The null device is a character
// device, too, and nobody is there.
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

// Prompt says on standard error what is read from standard input, if that is a terminal.
func (s *Streams) Prompt(format string, args ...any) {
	if IsTerminal(s.In) {
		fmt.Fprintf(s.Err, format, args...)
	}
}

// Interruptible is r until ctx ends: Ctrl-C then ends a command that waits for somebody
// to type, though the reading itself cannot be called back.
func Interruptible(ctx context.Context, r io.Reader) io.Reader { return &interruptible{ctx: ctx, r: r} }

type interruptible struct {
	ctx   context.Context
	r     io.Reader
	under chan result // of the reading under way; nil: none is
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
