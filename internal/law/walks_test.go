package law

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	walked   = regexp.MustCompile("`([a-z/]+\\.(?:go|lua))`")
	function = regexp.MustCompile("`([a-z/]+\\.go)` `(\\w+)`")
)

// TestWalks: the way of one revocation and of one check is through at most twelve files each, and
// what ARCHITECTURE.md names on it stands there.
func TestWalks(t *testing.T) {
	t.Chdir(root)
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	walks := 0
	for section := range strings.SplitSeq(string(text), "\n## ") {
		name, steps, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(name, "The walk of one ") {
			continue
		}
		walks++
		steps, _, _ = strings.Cut(steps, "\n\nWhat ") // what follows stands beside the way
		files := map[string]bool{}
		for _, f := range walked.FindAllStringSubmatch(steps, -1) {
			files[f[1]] = true
			if _, err := os.Stat(f[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := len(files); n < 4 || n > 12 {
			t.Errorf("%s names %d files, want at most 12", name, n)
		}
		for _, f := range function.FindAllStringSubmatch(steps, -1) {
			source, err := os.ReadFile(f[1])
			if err != nil || !regexp.MustCompile(`(?m)^func (\([^)]*\) )?`+f[2]+`\(`).Match(source) {
				t.Errorf("%s: there is no %s in %s", name, f[2], f[1])
			}
		}
	}
	if walks != 2 {
		t.Errorf("%d walks were found, want 2", walks)
	}
}
