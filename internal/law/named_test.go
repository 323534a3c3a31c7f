package law

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNamedTestsExist: a test that a document names as a proof is there.
func TestNamedTestsExist(t *testing.T) {
	t.Chdir(root)
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
	eachGoFile(t, func(name string) {
		if strings.HasSuffix(name, "_test.go") {
			for _, found := range declared.FindAllStringSubmatch(readText(t, name), -1) {
				tests[found[1]] = true
			}
		}
	})
	code := regexp.MustCompile("`[^`\n]*`")
	named := regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	count := 0
	eachDocument(t, func(document string) {
		for _, span := range code.FindAllString(readText(t, document), -1) {
			for _, name := range named.FindAllString(span, -1) {
				// A command names all tests that begin like that.
				begins := func(test string) bool { return strings.HasPrefix(test, name) }
				all := strings.Contains(span, "-run") && slices.ContainsFunc(slices.Collect(maps.Keys(tests)), begins)
				if count++; !all && !tests[name] && !strings.HasSuffix(name, "X") {
					t.Errorf("%s names %s, which is no test", document, name)
				}
			}
		}
	})
	if count < 20 || len(tests) < 1000 {
		t.Errorf("%d names in documents, %d tests", count, len(tests))
	}
}
