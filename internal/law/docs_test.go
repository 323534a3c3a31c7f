package law

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	runCommand = regexp.MustCompile("go test ([^`]*)-run ('[^']*'|\"[^\"]*\"|[^ `]+)([^`]*)")
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Example|Fuzz|Benchmark)\w*)\(`)
)

// TestDocumentedCommands: a test that a document names in a command exists in the package that the
// command gives. If the test had moved, the command would run nothing, and pass.
func TestDocumentedCommands(t *testing.T) {
	t.Chdir(root)
	commands := 0
	for _, file := range []string{
		"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/HOLES.md", "docs/FAULTS.md", "docs/DEFECTS.md",
		"deploy/README.md",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range runCommand.FindAllStringSubmatch(string(text), -1) {
			commands++
			pattern := strings.ReplaceAll(strings.Trim(m[2], `'"`), `\|`, "|")
			names := testsIn(t, strings.Fields(m[1]+m[3]))
			for part := range strings.SplitSeq(pattern, "|") {
				part, _, _ = strings.Cut(part, "/")
				if re := regexp.MustCompile(strings.Trim(part, "()")); part != "^$" && !re.MatchString(names) &&
					!exact(part, names) {
					t.Errorf("%s: %s: no test is called %s there", file, m[0], part)
				}
			}
		}
	}
	if commands < 60 {
		t.Errorf("only %d commands were found", commands)
	}
}

// exact reports whether a name in ^…$ is among names.
func exact(part, names string) bool {
	return strings.Contains(" "+names+" ", " "+strings.Trim(part, "^$")+" ")
}

// testsIn lists the tests of the packages among the words of a command.
func testsIn(t *testing.T, words []string) string {
	t.Helper()
	var names []string
	for _, word := range words {
		if !strings.HasPrefix(word, ".") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(word, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
				names = append(names, m[1])
			}
		}
	}
	return strings.Join(names, " ")
}
