package story_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/revocast/revocast/cmd/internal/publishercmd"
	"github.com/revocast/revocast/cmd/internal/subscribercmd"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/store/storetest"
)

var (
	ourCommand = regexp.MustCompile("\\b(publisher|subscriber) ((?:-- ?)?[a-z]+[^`;,:()\"]*)")
	anyFlag    = regexp.MustCompile(`(?:^|[\s(])--([a-z][a-z-]+)`)
	natsEdit   = regexp.MustCompile(`nats stream edit \S+ (.*)`)
	configSet  = regexp.MustCompile(`CONFIG SET ([a-z-]+) ([a-z]+|[0-9]+)`)
)

// hint is a text of the program with where it stands.
type hint struct{ where, text string }

// hints are all string constants of what users run, joined where they are written in
// several parts. A command or a flag that one of them names is followed as it stands.
func hints(t *testing.T) []hint {
	var list []hint
	root := filepath.Join("..", "..", "..")
	skip := []string{
		"faults", "simulation", "fake", "testdata", "model", "tools", "bench", "examples", "eventstest", "storetest",
		".git", "bin", "scsstore", "sqltest",
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skip, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && f.Tag != nil {
				if text, err := strconv.Unquote(f.Tag.Value); err == nil {
					list = append(list, hint{set.Position(f.Pos()).String(), text})
				}
				return true
			}
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			if text, ok := constant(e); ok {
				list = append(list, hint{set.Position(e.Pos()).String(), text})
				return false
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// constant is the text of string literals that are added up.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		a, okA := constant(e.X)
		b, okB := constant(e.Y)
		return a + b, okA && okB && e.Op == token.ADD
	}
	return "", false
}

func grammars(t *testing.T) map[string]*kong.Kong {
	t.Helper()
	parsers := make(map[string]*kong.Kong)
	for name, grammar := range map[string]any{
		"publisher": &publishercmd.Grammar{}, "subscriber": &subscribercmd.Grammar{},
	} {
		p, err := wiring.NewParser(name, "", grammar, &wiring.Streams{Out: io.Discard, Err: io.Discard}, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		parsers[name] = p
	}
	return parsers
}

// TestHintsAreCommands parses every command that a text of ours names with the real
// command line, and looks up every flag.
func TestHintsAreCommands(t *testing.T) {
	parsers, found := grammars(t), 0
	for _, h := range hints(t) {
		for _, m := range ourCommand.FindAllStringSubmatch(h.text, -1) {
			args := commandWords(parsers[m[1]], m[2])
			if args == nil {
				continue // "a publisher that …": no command
			}
			found++
			if _, err := parsers[m[1]].Parse(args); err != nil {
				t.Errorf("%s: %q names %s %s: %v", h.where, h.text, m[1], strings.Join(args, " "), err)
			}
		}
		if natsFlags(h) {
			continue
		}
		text := natsEdit.ReplaceAllString(h.text, "")
		for _, m := range anyFlag.FindAllStringSubmatch(text, -1) {
			if !hasFlag(parsers, m[1]) && !slices.Contains(foreignFlags(), m[1]) {
				t.Errorf("%s: %q names --%s, which is no flag of either program", h.where, h.text, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d commands found: the pattern is wrong", found)
	}
}

// natsFlags reports whether a text holds the flags of `nats stream edit` alone, which are
// put behind that command elsewhere.
func natsFlags(h hint) bool {
	return strings.Contains(filepath.ToSlash(h.where), "/events/judge.go:") && strings.HasPrefix(h.text, "--")
}

// foreignFlags are flags of other programs that texts name.
func foreignFlags() []string {
	return []string{
		"subject", // nats stream ls
	}
}

// commandWords takes the words of a command out of a sentence: the command, its flags with
// their values, and arguments in capitals. Nil: the sentence speaks of no command.
func commandWords(p *kong.Kong, text string) []string {
	words := strings.Fields(strings.TrimRight(text, ". "))
	i := slices.IndexFunc(p.Model.Children, func(n *kong.Node) bool { return len(words) > 0 && n.Name == words[0] })
	if i < 0 {
		return nil
	}
	args := words[:1]
	command := p.Model.Children[i]
	if len(command.Children) > 0 && len(words) > 1 { // a command of several
		j := slices.IndexFunc(command.Children, func(n *kong.Node) bool { return n.Name == words[1] })
		if j < 0 && words[1] != "--help" {
			return args
		}
		if j >= 0 {
			args, command = words[:2], command.Children[j]
		}
	}
	positional := len(command.Positional)
	for n := len(args); n < len(words); n++ {
		w := words[n]
		switch {
		case w == "--help":
			args = append(args, w)
		case strings.HasPrefix(w, "--"):
			args = append(args, w)
			if n+1 < len(words) && takesValue(command, w) {
				n++
				args = append(args, strings.ReplaceAll(words[n], "%s", "x"))
			}
		case positional > 0:
			positional--
			args = append(args, w)
		default:
			return args
		}
	}
	for _, a := range command.Positional[len(command.Positional)-positional:] {
		if a.Required {
			return nil // named without its arguments, as a command and not as a line to run
		}
	}
	return args
}

func takesValue(n *kong.Node, word string) bool {
	for _, group := range n.AllFlags(false) {
		for _, f := range group {
			if "--"+f.Name == word {
				return !f.IsBool()
			}
		}
	}
	return false
}

func hasFlag(parsers map[string]*kong.Kong, name string) bool {
	for _, p := range parsers {
		if nodeHasFlag(p.Model.Node, name) {
			return true
		}
	}
	return false
}

// nodeHasFlag looks at a command, and at those within it.
func nodeHasFlag(n *kong.Node, name string) bool {
	for _, f := range slices.Concat(n.AllFlags(false)...) {
		if f.Name == name {
			return true
		}
	}
	return slices.ContainsFunc(n.Children, func(child *kong.Node) bool { return nodeHasFlag(child, name) })
}

// TestNATSHintsAreFlags holds the flags of `nats stream edit` that texts name against
// those that natscli has.
func TestNATSHintsAreFlags(t *testing.T) {
	known := []string{
		"max-age", "max-bytes", "max-msgs", "max-msgs-per-subject", "max-msg-size", "dupe-window", "replicas",
		"discard", "no-discard-per-subject", "allow-direct", "no-allow-direct", "allow-rollup", "no-allow-rollup",
		"ack", "no-ack", "republish", "no-republish", "subjects", "storage", "retention", "no-allow-msg-ttl",
		"compression",
	}
	for _, h := range hints(t) {
		all := natsEdit.FindAllStringSubmatch(h.text, -1)
		if natsFlags(h) {
			all = append(all, []string{"", h.text})
		}
		for _, m := range all {
			for _, f := range anyFlag.FindAllStringSubmatch(" "+m[1], -1) {
				if !slices.Contains(known, f[1]) {
					t.Errorf("%s: %q names --%s, which `nats stream edit` does not have", h.where, h.text, f[1])
				}
			}
		}
	}
}

// TestRedisHintsWork runs every CONFIG SET that a text names on a real server.
func TestRedisHintsWork(t *testing.T) {
	client := storetest.Redis(t).Client()
	done := make(map[string]bool)
	for _, h := range hints(t) {
		for _, m := range configSet.FindAllStringSubmatch(h.text, -1) {
			if done[m[0]] {
				continue
			}
			done[m[0]] = true
			if err := client.Do(t.Context(), "CONFIG", "SET", m[1], m[2]).Err(); err != nil {
				t.Errorf("%s: %s: %v", h.where, m[0], err)
			}
		}
	}
	if len(done) < 4 {
		t.Errorf("only %d found: the pattern is wrong: %s", len(done), fmt.Sprint(done))
	}
}
