package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestUnused: what only tests use is named, and what a used name leads to is not.
func TestUnused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module " + module + "\n\ngo 1.26.0\n",
		"a/a.go": `package a

type (
	Used   struct{ F Field }
	Field  int
	Alone  int
	hidden int
)

const (
	One   Field = 1
	Loose       = 2
)

func (Used) Called()        {}
func (Used) Tested()        {}
func (Used) String() string { return "" }
func (hidden) Method()      {}
`,
		"a/a_test.go":             "package a\n\nvar _ = func() { Used{}.Tested() }\n",
		"b/b.go":                  "package b\n\nimport \"" + module + "/a\"\n\nvar _ = func() { a.Used{}.Called() }\n",
		"kit/storetest/k.go":      "package storetest\n\nfunc Kit() {}\n",
		"kit/storetest/k_test.go": "package storetest\n\nvar _ = Kit\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := unused(dir, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.Alone", "a.Loose", "a.Used.Tested"}; !slices.Equal(got, want) {
		t.Errorf("unused names %q, want %q", got, want)
	}
}
