// Package wallclock moves the wall clock of one process, for tests: by a library that is
// loaded into it. The monotonic clock stays as it is.
package wallclock

import (
	"context"
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

//go:embed testdata/wallclock.c
var source []byte

// Clock is the wall clock of the processes that are started with its environment.
type Clock struct{ library, file string }

// New returns a clock that shows the right time. Its files stand in dir, one under name. It
// needs Linux and a C compiler.
func New(ctx context.Context, dir, name string) (*Clock, error) {
	c := &Clock{library: filepath.Join(dir, "wallclock.so"), file: filepath.Join(dir, name+".wallclock")}
	if err := c.compile(ctx, dir); err != nil {
		return nil, err
	}
	return c, c.Move(0)
}

func (c *Clock) compile(ctx context.Context, dir string) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("wallclock: it moves no clock on %s", runtime.GOOS)
	}
	if _, err := os.Stat(c.library); err == nil {
		return nil
	}
	text := filepath.Join(dir, "wallclock.c")
	if err := os.WriteFile(text, source, 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "cc", "-shared", "-fPIC", "-O2", "-o", c.library, text,
		"-lm").CombinedOutput(); err != nil {
		return fmt.Errorf("wallclock: %w (a C compiler is needed: apt install gcc)\n%s", err, out)
	}
	return nil
}

// Env is what a process has to have in its environment.
func (c *Clock) Env() []string {
	return []string{"LD_PRELOAD=" + c.library, "WALLCLOCK_FILE=" + c.file}
}

// Move makes the clock ahead of the machine's by so much, behind it where that is negative.
func (c *Clock) Move(ahead time.Duration) error {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], math.Float64bits(ahead.Seconds()))
	// Written in place: the process has the file mapped.
	f, err := os.OpenFile(c.file, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(b[:], 0)
	return err
}
