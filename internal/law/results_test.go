package law

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// maxResults is how much an exported function returns: a value, and an error or a bool.
const maxResults = 2

// manyResults are the exported functions that return more, and why.
var manyResults = map[string]string{
	"account/session/scsstore.Store.Find":    "the interface of scs has it",
	"account/session/scsstore.Store.FindCtx": "the interface of scs has it",
}

// TestResults: what belongs together is a struct, which has names and can grow. Test kits and
// commands are exempt, as from the law for options.
func TestResults(t *testing.T) {
	t.Chdir(root)
	excused := map[string]bool{}
	eachGoFile(t, func(file string) {
		dir := path.Dir(file)
		if strings.HasSuffix(file, "_test.go") || !public(dir) {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range withManyResults(parsed) {
			name = dir + "." + name
			if excused[name] = true; manyResults[name] == "" {
				t.Errorf("%s: %s has more than %d results: return a struct", file, name, maxResults)
			}
		}
	})
	for name := range manyResults {
		if !excused[name] {
			t.Errorf("there is no %s of more than %d results", name, maxResults)
		}
	}
}

// withManyResults are the exported functions of a file that return too much, and the exported types
// with such a method, or with such a function in a field.
func withManyResults(file *ast.File) (names []string) {
	ast.FileExports(file)
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if name := d.Name.Name; d.Recv == nil && returnsMany(d.Type) {
				names = append(names, name)
			} else if d.Recv != nil && ast.IsExported(receiver(d)) && returnsMany(d.Type) {
				names = append(names, receiver(d)+"."+name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && returnsMany(s.Type) {
					names = append(names, s.Name.Name)
				}
			}
		}
	}
	return names
}

// returnsMany reports whether a type is or contains a function that returns too much.
func returnsMany(in ast.Expr) bool {
	for node := range ast.Preorder(in) {
		if f, ok := node.(*ast.FuncType); ok && f.Results.NumFields() > maxResults {
			return true
		}
	}
	return false
}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) (name string) {
	for node := range ast.Preorder(d.Recv.List[0].Type) {
		if id, ok := node.(*ast.Ident); ok {
			return id.Name
		}
	}
	return name
}

// TestResultsAreCounted where a function may stand.
func TestResultsAreCounted(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
func Two() (a int, err error)
func Three() (a, b int, err error) { return }
func Takes(f func() (int, int, error))
func three() (int, int, error)
type T[K any] struct { Field func() (int, int, error); field int }
type U struct { field func() (int, int, error) }
type Doer interface { Do() (a, b int, err error); do() error }
type Func func() (int, int, error)
type u struct{}
func (t *T[K]) Method() (int, int, error)
func (t *T[K]) Fine() (int, error) { _ = func() (int, int, error) { return 0, 0, nil }; return 0, nil }
func (u) Method() (int, int, error)
`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(withManyResults(parsed), " ")
	if want := "Three Takes T Doer Func T.Method"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
