package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTermsAreReadOnce: the text of the terms is taken apart in one place. A second pattern misses what the text
// may have and did not have when the pattern was written.
func TestTermsAreReadOnce(t *testing.T) {
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, "match(terms") {
				n++
			}
		}
		want := 0
		if filepath.Base(file) == "prelude.lua" {
			want = 1
		}
		if n != want {
			t.Errorf("%s takes the terms apart %d times, want %d", file, n, want)
		}
	}
}
