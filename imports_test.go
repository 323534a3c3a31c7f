package revocast_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/revocast/revocast"
	// throttleLog is a leaf that needs the standard library alone.
	throttleLog = module + "/internal/throttle"
)

// star says what each package of the star may import besides the standard library and
// the root: prefixes of paths. Everything else, other packages of this module
// included, is a violation.
var star = map[string][]string{
	".":      {throttleLog},
	"store":  {"github.com/redis/go-redis/v9", module + "/store/internal/"},
	"events": {"github.com/nats-io/", throttleLog},

	"store/internal/account": {"github.com/redis/go-redis/v9", module + "/store/internal/"},
	"store/internal/script":  {"github.com/redis/go-redis/v9"},
	"store/outbox":           {"github.com/redis/go-redis/v9", module + "/store/internal/", throttleLog},
	"store/session":          {"github.com/redis/go-redis/v9", module + "/store/internal/"},
	"store/limit":            {"github.com/redis/go-redis/v9", module + "/store/internal/"},
	"store/code":             {"github.com/redis/go-redis/v9", module + "/store/internal/"},
	"store/reset":            {"github.com/redis/go-redis/v9", module + "/store/internal/", module + "/store/code"},
	"store/refresh":          {"github.com/redis/go-redis/v9", module + "/store/internal/"},
	"store/denylist":         {"github.com/redis/go-redis/v9", module + "/store/internal/"},
	"store/sqloutbox":        {throttleLog},
	"cache":                  {"github.com/hashicorp/golang-lru/v2/simplelru"},
	"token":                  {"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/", module + "/internal/ijson", throttleLog},
	"internal/throttle":      nil,
}

// TestStar parses the files itself: one that runs the go tool would be hidden by the
// test cache, which does not see what the tool reads.
func TestStar(t *testing.T) {
	files := 0
	eachGoFile(t, func(name string) {
		folder := path.Dir(name)
		allowed, watched := star[folder]
		if !watched || strings.HasSuffix(name, "_test.go") {
			return
		}
		files++
		for _, imported := range importsOf(t, name) {
			if !mayImport(folder, imported, allowed) {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	})
	if files < 5*len(star) {
		t.Errorf("only %d files were looked at", files)
	}
}

func mayImport(folder, imported string, allowed []string) bool {
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true // standard library
	}
	if imported == module {
		return folder != "."
	}
	return slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(imported, prefix) })
}

func TestMayImport(t *testing.T) {
	for _, c := range []struct {
		folder, imported string
		want             bool
	}{
		{".", "crypto/sha256", true},
		{".", module + "/cache", false},
		{".", "golang.org/x/sync/errgroup", false},
		{"store", module, true},
		{"store", module + "/internal/wiring", false},
		{"store", "github.com/redis/go-redis/v9/internal", true},
		{"store", "github.com/nats-io/nats.go", false},
		{"cache", "github.com/hashicorp/golang-lru/v2", false},
	} {
		if got := mayImport(c.folder, c.imported, star[c.folder]); got != c.want {
			t.Errorf("%s imports %s: %v, want %v", c.folder, c.imported, got, c.want)
		}
	}
}

// TestNoSleepNoSkip: a test that sleeps is slow or flaky, and one that skips is green
// without having looked.
func TestNoSleepNoSkip(t *testing.T) {
	banned := []string{"time" + ".Sleep(", "t" + ".Skip("}
	eachGoFile(t, func(name string) {
		if !strings.HasSuffix(name, "_test.go") {
			return
		}
		text, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range banned {
			if strings.Contains(string(text), call) {
				t.Errorf("%s calls %s…)", name, call)
			}
		}
	})
}

func importsOf(t *testing.T, name string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(name), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	paths := make([]string, len(f.Imports))
	for i, spec := range f.Imports {
		if paths[i], err = strconv.Unquote(spec.Path.Value); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// eachGoFile calls f with every Go file of the module, relative to its root.
func eachGoFile(t *testing.T, f func(name string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".go"):
			f(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
