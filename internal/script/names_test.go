package script_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	numberedArgument = regexp.MustCompile(`ARGV\[[^\]]*\d|unpack\(ARGV, *\d`)
	numberedRecord   = regexp.MustCompile(`\bhead\[ *\d`)
	argument         = regexp.MustCompile(`ARGV\[(\d+)\]`)
	header           = regexp.MustCompile(`(?m)^local HEADER\b.*?= *(\d+)`)
)

// TestScriptsNameWhatTheyRead: a script gives its arguments names where it begins, and then
// reads them by name. The same holds for the fields of the ledger's record.
func TestScriptsNameWhatTheyRead(t *testing.T) {
	root, files := moduleRoot(t), 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".lua" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		name, err = filepath.Rel(root, name)
		for _, flaw := range flaws(string(text)) {
			t.Errorf("%s:%s", name, flaw)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 60 {
		t.Errorf("only %d scripts were found below %s", files, root)
	}
}

func TestFlawsAreFound(t *testing.T) {
	const named = "-- What it does.\nlocal id, ms = ARGV[1], tonumber(ARGV[2])\n"
	for text, want := range map[string][]string{
		named + "\nreturn id": nil,
		"-- A list.\n\nlocal id, sid,\n  ms = ARGV[1], ARGV[2],\n  ARGV[3]\nreturn id": nil,
		named + "local HEADER, EACH = 2, 3\n\nfor a = HEADER, #ARGV - EACH, EACH do\n  local x = unpack(ARGV, a + " +
			"1, a + EACH)\nend": nil,

		named + "return ARGV[2]":                   {"3: argument by number"},
		named + "\nlocal late = ARGV[3]":           {"4: argument by number"},
		named + "if id then\n  f(ARGV[3])\nend":    {"4: argument by number"},
		"local function f() return ARGV[1] end":    {"1: argument by number"},
		"return call('GET', ARGV[1])":              {"1: argument by number"},
		named + "\nfor a = 2, 9 do f(ARGV[a + 1])": {"4: argument by number"},
		named + "\nf(unpack(ARGV, 2, 4))":          {"4: argument by number"},
		named + "\nreturn head[6]":                 {"4: field of the record by number"},
		"local settled = head[6]":                  {"1: field of the record by number"},
		named + "local HEADER = 3":                 {"1: HEADER is 3, and 2 arguments are named"},
	} {
		if got := flaws(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// flaws returns the places where a script reads by number what has a name, or should have one.
func flaws(text string) (found []string) {
	lines := strings.Split(text, "\n")
	opening := openingBlock(lines)
	for i, line := range lines {
		if numberedRecord.MatchString(line) {
			found = append(found, strconv.Itoa(i+1)+": field of the record by number")
		}
		if i >= opening && numberedArgument.MatchString(line) {
			found = append(found, strconv.Itoa(i+1)+": argument by number")
		}
	}
	if h := header.FindStringSubmatch(text); h != nil {
		if named := lastArgument(lines[:opening]); h[1] != strconv.Itoa(named) {
			found = append(found, "1: HEADER is "+h[1]+", and "+strconv.Itoa(named)+" arguments are named")
		}
	}
	return found
}

// openingBlock is how many lines the block has in which a script names its arguments: the
// comment and the local variables that it begins with, up to the first empty line after one.
func openingBlock(lines []string) int {
	begun := false
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "--"), line == "" && !begun:
		case strings.HasPrefix(line, "local ") &&
			!strings.HasPrefix(line, "local function"), strings.HasPrefix(line, " ") && begun:
			begun = true
		default:
			return i
		}
	}
	return len(lines)
}

func lastArgument(lines []string) (last int) {
	for _, m := range argument.FindAllStringSubmatch(strings.Join(lines, "\n"), -1) {
		n, _ := strconv.Atoi(m[1]) // digits
		last = max(last, n)
	}
	return last
}

// moduleRoot is the nearest directory above that has a go.mod.
func moduleRoot(t *testing.T) string {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatalf("no go.mod above the test: %v", err)
	return ""
}
