package revocast_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns is the longest line of Go, with a tab of four columns.
const maxColumns = 120

// wordsToDo are the directories that are not held to these rules yet.
var wordsToDo = []string{
	"client", "cmd", "examples", "publisher", "internal/apitypes", "internal/faults",
	"internal/publisherapi", "internal/sidecarapi",
}

// oldWords say nothing that a plain word does not say: again, from the beginning; who, a caller that.
var oldWords = regexp.MustCompile(`(?i)\b(anew|whoever)\b`)

// A struct tag and a go:embed cannot be broken.
var unbreakable = regexp.MustCompile("`[a-z-]+:\"[^`]*`( //.*)?$|^//go:")

// TestLinesOfGo: a line fits a screen. The texts of errors are broken as well.
func TestLinesOfGo(t *testing.T) {
	eachGoFile(t, func(name string) {
		if wordsAreToDo(name) {
			return
		}
		for i, line := range strings.Split(readText(t, name), "\n") {
			columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
			if columns > maxColumns && !unbreakable.MatchString(line) {
				t.Errorf("%s:%d: %d columns, at most %d are allowed", name, i+1, columns, maxColumns)
			}
		}
	})
}

// TestWordsOfComments looks at comments, not at names and texts of the code.
func TestWordsOfComments(t *testing.T) {
	files := token.NewFileSet()
	eachGoFile(t, func(name string) {
		if wordsAreToDo(name) || name == "words_test.go" {
			return
		}
		parsed, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			for _, c := range group.List {
				if word := oldWords.FindString(c.Text); word != "" {
					t.Errorf("%s: a comment says %q", files.Position(c.Pos()), word)
				}
			}
		}
	})
}

// TestWordsOfDocuments leaves out what a document quotes from the code.
func TestWordsOfDocuments(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents = append(documents, "README.md", "CONTRIBUTING.md", "deploy/README.md", "model/README.md")
	code := regexp.MustCompile("`[^`]*`")
	for _, name := range documents {
		if name == filepath.Join("docs", "GLOSSARY.md") {
			continue
		}
		for i, line := range strings.Split(code.ReplaceAllString(readText(t, name), ""), "\n") {
			if word := oldWords.FindString(line); word != "" {
				t.Errorf("%s:%d says %q", name, i+1, word)
			}
		}
	}
}

func wordsAreToDo(name string) bool {
	for _, dir := range wordsToDo {
		if strings.HasPrefix(filepath.ToSlash(name), dir+"/") {
			return true
		}
	}
	return false
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
