package law

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns is the longest line of Go, with a tab of four columns.
const maxColumns = 120

// oldWords say nothing that a plain word does not say: again, from the beginning; who, a caller that.
var oldWords = regexp.MustCompile(`(?i)\b(anew|whoever)\b`)

// A struct tag and a go:embed cannot be broken.
var unbreakable = regexp.MustCompile("`[a-z-]+:\"[^`]*`( //.*)?$|^//go:")

// TestLinesOfGo: a line fits a screen. The texts of errors are broken as well.
func TestLinesOfGo(t *testing.T) {
	t.Chdir(root)
	eachGoFile(t, func(name string) {
		for i, line := range strings.Split(readText(t, name), "\n") {
			columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			if columns > maxColumns && !unbreakable.MatchString(line) {
				t.Errorf("%s:%d: %d columns, at most %d are allowed", name, i+1, columns, maxColumns)
			}
		}
	})
}

// TestWords looks at comments, and at the names and texts of the code.
func TestWords(t *testing.T) {
	t.Chdir(root)
	files := token.NewFileSet()
	eachGoFile(t, func(name string) {
		if name == "internal/law/words_test.go" {
			return
		}
		parsed, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		look := func(at token.Pos, text string) {
			if word := oldWords.FindString(text); word != "" {
				t.Errorf("%s says %q", files.Position(at), word)
			}
		}
		for _, group := range parsed.Comments {
			for _, c := range group.List {
				look(c.Pos(), c.Text)
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				look(n.Pos(), n.Name)
			case *ast.BasicLit:
				look(n.Pos(), n.Value)
			}
			return true
		})
	})
}

// TestProseOfDocuments: every Markdown document keeps to the same words and the same width. It leaves
// out what a document quotes from code. A row of a table and a line with one long code span cannot be
// broken.
func TestProseOfDocuments(t *testing.T) {
	t.Chdir(root)
	code := regexp.MustCompile("`[^`]*`")
	eachDocument(t, func(name string) {
		eachLineOfProse(readText(t, name), func(i int, line string) {
			if word := oldWords.FindString(code.ReplaceAllString(line, "")); word != "" {
				t.Errorf("%s:%d says %q", name, i, word)
			}
			columns := utf8.RuneCountInString(code.ReplaceAllStringFunc(line, shortened))
			if columns > maxColumns && !strings.HasPrefix(strings.TrimSpace(line), "|") {
				t.Errorf("%s:%d: %d columns, at most %d are allowed", name, i, columns, maxColumns)
			}
		})
	})
}

// shortened counts a code span as no more than one word.
func shortened(span string) string { return span[:min(len(span), 40)] }

func eachDocument(t *testing.T, f func(name string)) {
	t.Helper()
	found := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".md"):
			found++
			f(name)
		}
		return nil
	})
	if err != nil || found < 9 {
		t.Fatalf("%d documents, %v", found, err)
	}
}

// eachLineOfProse calls f with the lines outside code fences; the first line is 1.
func eachLineOfProse(text string, f func(i int, line string)) {
	fenced := false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		} else if !fenced {
			f(i+1, line)
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
