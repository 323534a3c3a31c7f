// Package leak fails a package's tests when goroutines are left after them.
//
// A library for this would be seen by everyone who imports this module: `go mod tidy` loads the tests of the
// packages that a program imports.
package leak

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// patience is how long goroutines that are about to end have for it.
const patience = 5 * time.Second

// Main runs the tests, looks for goroutines that are left if they passed, and exits. It ignores goroutines
// that stand in one of the functions ignored, named as in a stack: "example.com/pkg.(*Type).method".
func Main(m interface{ Run() int }, ignored ...string) {
	os.Exit(verify(m, os.Stderr, patience, ignored))
}

func verify(m interface{ Run() int }, out io.Writer, patience time.Duration, ignored []string) int {
	code := m.Run()
	if code != 0 {
		return code // a test that failed half-way may leave goroutines
	}
	if err := find(patience, ignored); err != nil {
		fmt.Fprintln(out, "the tests passed, but", err)
		return 1
	}
	return 0
}

// Find waits until no goroutine is left but the caller's and those that Main ignores. The error has the stacks
// of those that do not end.
func Find(ignored ...string) error { return find(patience, ignored) }

func find(patience time.Duration, ignored []string) error {
	end := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		left := slices.DeleteFunc(others(), func(stack string) bool { return isIgnored(stack, ignored) })
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("goroutines are left:\n\n" + strings.Join(left, "\n\n"))
		}
		time.Sleep(pause)
	}
}

// others returns the stacks of all goroutines but the caller's, which comes first.
func others() []string {
	for size := 1 << 18; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return strings.Split(strings.TrimSpace(string(buf[:n])), "\n\n")[1:]
		}
	}
}

// isIgnored reports whether a goroutine is none of the code under test: the test framework waits for tests to
// end, signals are received for good, and a system call that C code began is nobody's to end.
func isIgnored(stack string, ignored []string) bool {
	state, function := head(stack)
	switch {
	case strings.HasPrefix(function, "testing.") && strings.HasPrefix(state, "chan receive"):
		return true
	case function == "os/signal.signal_recv" || function == "os/signal.loop":
		return true
	case strings.Contains(stack, "\nruntime.ensureSigM(") || strings.Contains(stack, "\nruntime.ReadTrace("):
		return true
	case strings.HasPrefix(state, "syscall") && strings.Contains(stack, "\nruntime.goexit("):
		return true
	}
	return slices.Contains(ignored, function)
}

// head takes apart the first two lines of a stack, as in "goroutine 7 [chan receive, 2 minutes]:" and
// "main.(*Server).run(0xc000012345, {0x1, 0x2})": the state and the function.
func head(stack string) (state, function string) {
	first, rest, _ := strings.Cut(stack, "\n")
	_, state, _ = strings.Cut(first, "[")
	second, _, _ := strings.Cut(rest, "\n")
	return state, second[:max(0, strings.LastIndex(second, "("))]
}
