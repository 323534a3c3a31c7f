package property

import (
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// T is one case of a property: what it draws from and how it fails. Only the goroutine of the property uses it.
type T struct {
	source

	verbose   bool     // write the log
	log       []string // draws and messages in their order
	depth     int      // of draws within draws, which are not logged
	failed    bool
	failure   string // the first
	discarded bool
}

// stop is what a case panics with to end early.
type stop int

const (
	failNow stop = iota
	discard      // what was drawn does not fit together
)

// run runs the property and catches how it ends. A Goexit, of the outer test, goes through.
func (t *T) run(property func(*T)) (itself *T) {
	defer func() {
		itself = t
		switch r := recover().(type) {
		case nil:
		case stop:
			t.discarded = r == discard && !t.failed
		default:
			t.fail(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	property(t)
	return t
}

func (t *T) show(tb testing.TB) {
	tb.Helper()
	if len(t.log) > 0 {
		tb.Log("the case:\n" + strings.Join(t.log, "\n"))
	}
}

func (t *T) Logf(format string, args ...any) {
	if t.verbose {
		t.log = append(t.log, fmt.Sprintf(format, args...))
	}
}

func (t *T) Error(args ...any) { t.fail(place() + words(args)) }

func (t *T) Errorf(format string, args ...any) { t.fail(place() + fmt.Sprintf(format, args...)) }

func (t *T) Fatal(args ...any) { t.fail(place() + words(args)); panic(failNow) }

func (t *T) Fatalf(format string, args ...any) {
	t.fail(place() + fmt.Sprintf(format, args...))
	panic(failNow)
}

func (t *T) fail(message string) {
	if !t.failed {
		t.failed, t.failure = true, message
	}
	t.Logf("%s", message)
}

func words(args []any) string { return strings.TrimSuffix(fmt.Sprintln(args...), "\n") }

// place says where a message comes from: the lines outside this package that led to it, the innermost first.
func place() string {
	const own = "github.com/revocast/revocast/internal/property."
	pcs := make([]uintptr, 20)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	text, sep := "", ""
	for {
		f, more := frames.Next()
		if !more || strings.HasPrefix(f.Function, own+"(*T).run") {
			return text + ": "
		}
		if !strings.HasPrefix(f.Function, own) {
			text += fmt.Sprintf("%s%s:%d", sep, filepath.Base(f.File), f.Line)
			sep = " < "
		}
	}
}

// Repeat runs actions in a drawn order, as often as is drawn. The one named "" is a check: it runs before the
// first of the others and after each of them.
func (t *T) Repeat(actions map[string]func(*T)) {
	names := SampledFrom(slices.DeleteFunc(slices.Sorted(maps.Keys(actions)), func(s string) bool { return s == "" }))
	check := func() {
		if f := actions[""]; f != nil {
			f(t)
		}
		if t.failed {
			panic(failNow)
		}
	}
	check()
	t.repeat(0, unbounded, func() bool {
		actions[names.Draw(t, "action")](t)
		check()
		return true
	})
}
