package model_test

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/model"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestModels runs every search that is short: both whole models, and each safeguard
// missing once. `make model` runs the others.
func TestModels(t *testing.T) {
	if err := model.Available(); err != nil {
		if os.Getenv("CI") != "" || os.Getenv("REVOCAST_TEST_REQUIRE_SPIN") != "" {
			t.Fatal(err)
		}
		t.Logf("left out: %v", err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	var quick []model.Case
	for _, c := range model.Cases() {
		if !c.Thorough {
			quick = append(quick, c)
		}
	}
	s := model.RunAll(ctx, quick, 2, func(r model.Result, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		t.Logf("%s: %d states, %d errors, %.0f MB, %s", r.Case, r.States, r.Errors, r.Memory, r.Took)
	})
	if s.Sound != 2 || s.Caught != len(model.Safeguards()) {
		t.Errorf("%d whole models and %d mutants came out right, want 2 and %d", s.Sound, s.Caught,
			len(model.Safeguards()))
	}
}

// TestSafeguardsInTable: every macro of the models is searched for, and has its line in
// README.md.
func TestSafeguardsInTable(t *testing.T) {
	readme := text(t, "README.md")
	known := make(map[string]bool)
	for _, safeguard := range model.Safeguards() {
		known[safeguard] = true
		if !strings.Contains(readme, "| `"+safeguard+"` |") {
			t.Errorf("README.md's table lacks %s", safeguard)
		}
	}
	for _, name := range []string{"revoke.pml", "fleet.pml"} {
		for line := range strings.Lines(text(t, name)) {
			f := strings.Fields(line)
			if len(f) == 2 && (f[0] == "#ifdef" || f[0] == "#ifndef") && len(f[1]) > 1 && !known[f[1]] {
				t.Errorf("%s: no case takes out %s", name, f[1])
			}
		}
	}
}

// TestCodeInTable: the files and functions that README.md's table names are there.
func TestCodeInTable(t *testing.T) {
	rows := 0
	for line := range strings.Lines(text(t, "README.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		rows++
		checkCode(t, strings.TrimSpace(cells[1]), cells[3])
	}
	if rows != len(model.Safeguards()) {
		t.Errorf("%d rows in README.md, want %d", rows, len(model.Safeguards()))
	}
}

// checkCode takes text like `file.go` `function` and `function`, `file.lua`.
func checkCode(t *testing.T, safeguard, code string) {
	t.Helper()
	file, source := "", ""
	for i, word := range strings.Split(code, "`") {
		switch {
		case i%2 == 0:
		case slices.Contains([]string{".go", ".lua", ".tmpl"}, path.Ext(word)):
			file, source = word, text(t, "../"+word)
		case !strings.Contains(source, " "+word+"(") && !strings.Contains(source, ") "+word+"("):
			t.Errorf("%s: %s has no function %s", safeguard, file, word)
		}
	}
	if file == "" {
		t.Errorf("%s: no file is named", safeguard)
	}
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
