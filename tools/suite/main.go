// Command suite runs `go test` with the arguments it is given and fails if any test
// was skipped: a suite that leaves tests out and stays green proves nothing.
//
// It prints one line for each package, as go test does, and the whole output of
// what failed.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(1)
	}
}

// run executes go test and reads its events. What the go command itself complains
// about (a build that fails, an unknown flag) comes on standard error as it is.
func run(args []string, out io.Writer) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	rep := newReport(out)
	readErr := rep.read(events)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go test: %w", err)
	}
	return errors.Join(readErr, rep.verdict())
}

// event is one line of `go test -json`, see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// test names one test; an empty name is the package as a whole.
type test struct{ pkg, name string }

// report turns events into readable lines and remembers what was skipped.
type report struct {
	out     io.Writer
	kept    map[test][]string // output of tests that have not ended
	skipped []test
	passed  int
	failed  []test
}

func newReport(out io.Writer) *report {
	return &report{out: out, kept: make(map[test][]string)}
}

func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line takes one line. What is no event is printed as it is: nothing that the go
// command says is swallowed.
func (r *report) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprintf(r.out, "%s", line)
		return
	}
	r.add(e)
}

func (r *report) add(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if t.name == "" && isSummary(e.Output) {
			fmt.Fprint(r.out, e.Output)
			return
		}
		r.kept[t] = append(r.kept[t], e.Output)
	case "pass":
		r.end(t)
		r.passed += count(t)
	case "skip":
		r.end(t)
		if t.name != "" {
			r.skipped = append(r.skipped, t)
		}
	case "fail":
		r.fail(t)
	}
}

// end forgets the output of a test that has done its work.
func (r *report) end(t test) { delete(r.kept, t) }

// fail prints what a failed test said, or, for a package, also what tests said that
// never ended because the process died.
func (r *report) fail(t test) {
	r.failed = append(r.failed, t)
	for kept, output := range r.kept {
		if kept == t || t.name == "" && kept.pkg == t.pkg {
			fmt.Fprint(r.out, strings.Join(output, ""))
			delete(r.kept, kept)
		}
	}
}

func (r *report) verdict() error {
	if len(r.failed) > 0 {
		return fmt.Errorf("%d failures", len(r.failed))
	}
	if len(r.skipped) == 0 {
		fmt.Fprintf(r.out, "%d tests passed, none skipped\n", r.passed)
		return nil
	}
	for _, t := range r.skipped {
		fmt.Fprintf(r.out, "--- SKIP: %s %s\n", t.pkg, t.name)
	}
	return fmt.Errorf("%d tests were skipped", len(r.skipped))
}

func count(t test) int {
	if t.name == "" {
		return 0
	}
	return 1
}

// isSummary tells the line that go test prints for a package from what its tests
// print.
func isSummary(line string) bool {
	for _, prefix := range []string{"ok  \t", "FAIL\t", "?   \t", "\t"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}
