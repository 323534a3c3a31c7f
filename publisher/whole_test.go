package publisher

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestNoPartKnowsTheWhole: [Publisher] puts the parts together. Only its own methods and [New]
// name it, so that each part can be built, read and tested alone.
func TestNoPartKnowsTheWhole(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			seen++
			if fn, ok := d.(*ast.FuncDecl); ok && (fn.Name.Name == "New" || namesPublisher(fn.Recv)) {
				continue
			}
			if g, ok := d.(*ast.GenDecl); ok && len(g.Specs) == 1 && isPublisher(g.Specs[0]) {
				continue
			}
			if namesPublisher(d) {
				t.Errorf("%s: this part knows the whole publisher; pass it what it needs", set.Position(d.Pos()))
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d declarations were looked at", seen)
	}
}

func isPublisher(s ast.Spec) bool {
	t, ok := s.(*ast.TypeSpec)
	return ok && t.Name.Name == "Publisher"
}

// namesPublisher reports whether the type is named in n, but for fields of that name.
func namesPublisher(n ast.Node) (named bool) {
	if list, ok := n.(*ast.FieldList); ok && list == nil {
		return false
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StarExpr:
			id, ok := n.X.(*ast.Ident)
			named = named || ok && id.Name == "Publisher"
		case *ast.CompositeLit:
			id, ok := n.Type.(*ast.Ident)
			named = named || ok && id.Name == "Publisher"
		}
		return true
	})
	return named
}
