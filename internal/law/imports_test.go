package law

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

const module = "github.com/revocast/revocast"

// What a package may import in addition to the standard library: prefixes of paths. "./" stands for
// this module.
var (
	words  = []string{"./."}                          // the root, the words
	ports  = []string{"./.", "./port"}                // and the contracts
	redis  = []string{"github.com/redis/go-redis/v9"} // what the ledger stands on
	shared = []string{
		"./internal/component", "./internal/naming", "./internal/census", "./internal/frontier", "./internal/reckon",
		"./internal/option", "./internal/throttle",
	}

	// accounts are what the account stores may import. They run on the ledger's Redis.
	accounts = slices.Concat(ports, redis, []string{
		"./account/internal/", "./internal/option", "./internal/script",
		"./internal/throttle",
	})
	// published are the packages that users import, beside the root and port.
	published = []string{
		"./names", "./publisher", "./worker", "./realm", "./store", "./events", "./cache", "./client", "./token",
		"./account/code", "./account/denylist", "./account/limit", "./account/outbox", "./account/refresh",
		"./account/reset", "./account/session", "./account/sqloutbox", "./revocasttest", "./embedded/embednats",
		"./embedded/embedredis",
	}
	// anything: commands, what only commands use, and tests put several packages together.
	anything = []string{""}
)

// layers has an entry for every package: a package without one fails the test. A package of the
// library imports the words, the contracts and at most one client; the two sides, publisher and
// worker, do not know each other.
var layers = map[string][]string{
	".":         nil,
	"port":      words,
	"names":     ports,
	"publisher": slices.Concat(ports, shared, []string{"./names"}),
	"worker":    slices.Concat(ports, shared, []string{"./names"}),
	"store":     slices.Concat(ports, redis, []string{"./internal/option", "./internal/script"}),
	"events": slices.Concat(ports, []string{
		"github.com/nats-io/nats.go", "./internal/option", "./internal/throttle",
	}),
	"cache":  slices.Concat(ports, []string{"github.com/hashicorp/golang-lru/v2/simplelru", "./internal/option"}),
	"client": {"./.", "./internal/problem", "./internal/apitypes", "./internal/option", "./names"},
	"realm": slices.Concat(ports, []string{
		"./cache", "./events", "./names", "./store", "./publisher", "./worker", "./internal/serving",
		"./internal/throttle",
		"github.com/nats-io/nats.go", "github.com/oklog/run",
	}),
	"token": slices.Concat(ports, []string{
		"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/", "./internal/component", "./internal/ijson",
		"./internal/option", "./internal/throttle",
	}),

	"account/code":      accounts,
	"account/denylist":  accounts,
	"account/limit":     accounts,
	"account/outbox":    accounts,
	"account/refresh":   accounts,
	"account/reset":     slices.Concat(accounts, []string{"./account/code"}),
	"account/session":   accounts,
	"account/sqloutbox": {"./.", "./internal/option", "./internal/throttle"},

	"account/internal/account": slices.Concat(ports, redis, []string{"./internal/script"}),
	"account/internal/secret":  nil,

	"internal/census":    ports,
	"internal/component": slices.Concat(ports, []string{"./internal/naming"}),
	"internal/frontier":  words,
	"internal/ijson":     nil,
	"internal/naming":    nil,
	"internal/option":    words,
	"internal/reckon":    words,
	"internal/script":    slices.Concat(words, redis),
	"internal/throttle":  nil,

	"internal/apitoken":        words,
	"internal/apitypes":        {"./.", "./internal/problem", "./names"},
	"internal/hosts":           {"./internal/problem"},
	"internal/problem":         words,
	"internal/publisherapi":    anything,
	"internal/sidecarapi":      anything,
	"internal/unread":          nil,
	"cmd/internal/auditlog":    anything,
	"cmd/internal/canary":      anything,
	"cmd/internal/credentials": anything,
	"cmd/internal/filelock":    anything,
	"cmd/internal/metrics":     anything,
	"internal/serving":         {"github.com/oklog/run"},
	"cmd/internal/wiring":      anything,
	"cmd/internal/dev":         anything,

	"cmd/internal/deploytest":    anything,
	"cmd/internal/publishercmd":  anything,
	"cmd/internal/story":         anything,
	"cmd/internal/subscribercmd": anything,
	"cmd/publisher":              anything,
	"cmd/subscriber":             anything,

	// an example can be copied out
	"examples/authserver": slices.Concat(ports, published, []string{
		"github.com/alecthomas/kong", "github.com/alexedwards/argon2id", "github.com/golang-jwt/jwt/v5",
		"github.com/redis/go-redis/v9", "golang.org/x/text",
	}),

	"events/eventstest":          anything,
	"store/storetest":            anything,
	"internal/deployfiles":       nil,
	"internal/dnstest":           nil,
	"internal/faults":            anything,
	"internal/faults/faultrun":   anything,
	"internal/fleettest":         anything,
	"internal/law":               anything,
	"internal/leak":              nil,
	"internal/property":          nil,
	"internal/program":           nil,
	"internal/freeport":          nil,
	"internal/tcplink":           nil,
	"revocasttest":               anything,
	"internal/fake":              ports,
	"internal/simulation":        anything,
	"internal/unread/unreadtest": nil,
	"internal/wallclock":         nil,
	"model":                      nil,
	"model/check":                {"./model"},

	"embedded/embednats":        {"github.com/nats-io/nats-server/v2/server"}, // modules of their own
	"embedded/embedredis":       {"github.com/alicebob/miniredis/v2"},
	"embedded/cmd/embedredis":   {"./embedded/embedredis"},
	"account/session/scsstore":  anything,
	"account/sqloutbox/sqltest": anything,
	"tools/compose":             anything,
	"tools/exported":            anything,
	"tools/modules":             anything,
	"tools/suite":               anything,
}

// TestExamplesCanBeCopiedOut: their tests, too, import public packages alone.
func TestExamplesCanBeCopiedOut(t *testing.T) {
	t.Chdir(root)
	eachGoFile(t, func(name string) {
		if !strings.HasPrefix(name, "examples/") {
			return
		}
		for _, imported := range importsOf(t, name) {
			if strings.HasPrefix(imported, module) && strings.Contains(imported, "/internal/") {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	})
}

// TestLayers parses the files itself: one that runs the go tool would be hidden by the
// test cache, which does not see what the tool reads.
func TestLayers(t *testing.T) {
	t.Chdir(root)
	seen := map[string]bool{}
	eachGoFile(t, func(name string) {
		folder := path.Dir(name)
		allowed, known := layers[folder]
		if !known && !seen[folder] {
			t.Errorf("no layer is laid down for package %s", folder)
		}
		seen[folder] = true
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		for _, imported := range importsOf(t, name) {
			if !mayImport(imported, allowed) {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	})
	for folder := range layers {
		if !seen[folder] {
			t.Errorf("there is no package %s", folder)
		}
	}
}

func mayImport(imported string, allowed []string) bool {
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true // standard library
	}
	if imported == module {
		imported += "/."
	}
	return slices.ContainsFunc(allowed, func(prefix string) bool {
		if own, ok := strings.CutPrefix(prefix, "./"); ok {
			prefix = module + "/" + own
		}
		rest, ok := strings.CutPrefix(imported, prefix)
		return ok && (rest == "" || rest[0] == '/' || prefix == "" || strings.HasSuffix(prefix, "/"))
	})
}

func TestMayImport(t *testing.T) {
	t.Chdir(root)
	for _, c := range []struct {
		folder, imported string
		want             bool
	}{
		{".", "crypto/sha256", true},
		{".", module + "/port", false},
		{".", "golang.org/x/sync/errgroup", false},
		{"port", module, true},
		{"port", module + "/worker", false},
		{"publisher", module + "/worker", false},
		{"worker", module + "/publisher", false},
		{"store", module + "/port", true},
		{"store", module + "/internal/wiring", false},
		{"store", "github.com/redis/go-redis/v9/internal", true},
		{"store", "github.com/redis/go-redis/v99", false},
		{"store", "github.com/nats-io/nats.go", false},
		{"cache", "github.com/hashicorp/golang-lru/v2", false},
		{"cmd/internal/wiring", "github.com/nats-io/nats.go", true},
	} {
		if got := mayImport(c.imported, layers[c.folder]); got != c.want {
			t.Errorf("%s imports %s: %v, want %v", c.folder, c.imported, got, c.want)
		}
	}
}

// TestNoSleepNoSkip: a test that sleeps is slow or flaky, and a test that skips is green without
// having tested anything.
func TestNoSleepNoSkip(t *testing.T) {
	t.Chdir(root)
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
