package law

import (
	"os"
	"strings"
	"testing"
)

// Every line of Go in the README is in an example or a test that runs, in the same order.
func TestReadmeCodeRuns(t *testing.T) {
	t.Chdir(root)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var example []byte
	for _, file := range []string{"realm/example_test.go", "revocasttest/fleet_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		example = append(example, text...)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("the README shows no Go")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		rest := string(example)
		for line := range strings.Lines(code) {
			line = strings.TrimSpace(line)
			_, after, found := strings.Cut(rest, line)
			if !found {
				t.Errorf("not in the examples, or not in this order: %s", line)
				continue
			}
			rest = after
		}
	}
}

// The package document and the README give the same guarantees, word for word.
func TestReadmeGuarantees(t *testing.T) {
	t.Chdir(root)
	guarantees := func(file, strip, end string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.NewReplacer("**", "", "*", "", "`", "", strip, "").Replace(string(text))
		_, rest, found := strings.Cut(plain, "1. Confirmed means everywhere.")
		list, _, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no guarantees", file)
		}
		return strings.Join(strings.Fields(list), " ")
	}
	if doc, readme := guarantees("doc.go", "//", "Less formally"), guarantees("README.md", "//",
		"Not guaranteed:"); doc != readme {
		t.Errorf("doc.go says\n%s\nREADME.md says\n%s", doc, readme)
	}
}
