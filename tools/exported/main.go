// Command exported fails on exported names that only tests use. Run it at the root of the repository.
//
// users.txt beside this file lists those that are there for users of the library alone.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/revocast/revocast"

//go:embed users.txt
var forUsers string

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "exported:", err)
		os.Exit(1)
	}
}

func run() error {
	left, err := unused(".", "work")
	if err != nil {
		return err
	}
	var errs []error
	listed := strings.Fields(forUsers)
	for _, name := range left {
		if !slices.Contains(listed, name) {
			errs = append(errs,
				fmt.Errorf("only tests use %s: remove it, or list it in tools/exported/users.txt", name))
		}
	}
	for _, name := range listed {
		if !slices.Contains(left, name) {
			errs = append(errs, fmt.Errorf("tools/exported/users.txt lists %s, which is used or gone", name))
		}
	}
	return errors.Join(errs...)
}

// unused returns the exported names that nothing but tests uses, as package.Name or
// package.Type.Method.
func unused(dir string, patterns ...string) ([]string, error) {
	pkgs, err := packages.Load(&packages.Config{
		Dir: dir, Tests: true,
		Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo |
			packages.NeedImports | packages.NeedFiles | packages.NeedDeps,
	}, patterns...)
	if err != nil {
		return nil, err
	}
	all := names{declared: map[string]types.Object{}, used: map[string]bool{}, asked: map[string]bool{}}
	for _, p := range pkgs {
		for _, e := range p.Errors {
			return nil, e
		}
		all.read(p)
	}
	all.spread()
	var left []string
	for name, o := range all.declared {
		if !all.used[name] && !all.reflected(o) {
			left = append(left, strings.TrimPrefix(name, module+"/"))
		}
	}
	slices.Sort(left)
	return left, nil
}

// names are the exported names of some packages.
type names struct {
	declared map[string]types.Object
	used     map[string]bool // by another package
	asked    map[string]bool // methods that an interface has
}

func (n names) read(p *packages.Package) {
	inTest := func(at interface{ Pos() token.Pos }) bool {
		return strings.HasSuffix(p.Fset.Position(at.Pos()).Filename, "_test.go")
	}
	for id, o := range p.TypesInfo.Uses {
		if o.Pkg() != nil && (!inTest(id) || isKit(o.Pkg().Path())) {
			n.used[nameOf(o)] = true
		}
	}
	for _, v := range p.TypesInfo.Types {
		if v.Type == nil {
			continue
		}
		if i, ok := v.Type.Underlying().(*types.Interface); ok {
			for m := range i.Methods() {
				n.asked[m.Name()] = true
			}
		}
	}
	for _, f := range p.Syntax {
		if !inTest(f) && f.Name.Name != "main" {
			n.declare(p, f)
		}
	}
}

// isKit reports whether a package is there for tests.
func isKit(path string) bool {
	path = home(path)
	for _, kit := range []string{
		"test", "/fake", "/simulation", "/faults", "/property", "/leak", "/program", "/tcplink",
		"/deployfiles",
	} {
		if strings.HasSuffix(path, kit) {
			return true
		}
	}
	return false
}

// spread makes used what a used name leads to: the types of its fields, arguments and results, and the
// values of an enumeration.
func (n names) spread() {
	for more := true; more; {
		more = false
		for name, o := range n.declared {
			if c, ok := o.(*types.Const); ok && !n.used[name] {
				if t, ok := c.Type().(*types.Named); ok && n.used[nameOf(t.Obj())] {
					n.used[name], more = true, true
				}
			}
			if !n.used[name] {
				continue
			}
			for _, t := range mentioned(o) {
				if !n.used[t] {
					n.used[t], more = true, true
				}
			}
		}
	}
}

func mentioned(o types.Object) (all []string) {
	seen := map[types.Type]bool{}
	var walk func(t types.Type)
	walk = func(t types.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		switch t := t.(type) {
		case *types.Named:
			if t.Obj().Pkg() != nil {
				all = append(all, nameOf(t.Obj()))
			}
			for a := range t.TypeArgs().Types() {
				walk(a)
			}
		case *types.Alias:
			walk(types.Unalias(t))
		case *types.Pointer:
			walk(t.Elem())
		case *types.Slice:
			walk(t.Elem())
		case *types.Array:
			walk(t.Elem())
		case *types.Chan:
			walk(t.Elem())
		case *types.Map:
			walk(t.Key())
			walk(t.Elem())
		case *types.Signature:
			walk(t.Params())
			walk(t.Results())
		case *types.Tuple:
			for v := range t.Variables() {
				walk(v.Type())
			}
		case *types.Struct:
			for f := range t.Fields() {
				if f.Exported() {
					walk(f.Type())
				}
			}
		case *types.Interface:
			for m := range t.Methods() {
				walk(m.Type())
			}
		}
	}
	if t, ok := o.(*types.TypeName); ok {
		walk(t.Type().Underlying())
	} else {
		walk(o.Type())
	}
	return all
}

// reflected reports whether something asks a value for the method: an interface, kong, or errors.Is.
func (n names) reflected(o types.Object) bool {
	f, ok := o.(*types.Func)
	if !ok || f.Signature().Recv() == nil {
		return false
	}
	switch o.Name() {
	case "Error", "Is", "As", "Unwrap", "String", "GoString", "LogValue", "Help", "Run", "Validate", "AfterApply",
		"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "Hint":
		return true
	}
	return n.asked[o.Name()]
}

// home is the package that a test package belongs to.
func home(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, ".test"), "_test")
}

func (n names) declare(p *packages.Package, f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			n.add(p, d.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					n.add(p, s.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						n.add(p, name)
					}
				}
			}
		}
	}
}

func (n names) add(p *packages.Package, id *ast.Ident) {
	o := p.TypesInfo.Defs[id]
	if o == nil || !id.IsExported() {
		return
	}
	if recv, _, method := strings.Cut(nameOf(o)[len(home(o.Pkg().Path()))+1:], "."); !method || ast.IsExported(recv) {
		n.declared[nameOf(o)] = o
	}
}

// nameOf is package.Name, or package.Type.Method.
func nameOf(o types.Object) string {
	name := o.Name()
	if f, ok := o.(*types.Func); ok {
		if recv := f.Signature().Recv(); recv != nil {
			t := recv.Type()
			if p, ok := t.(*types.Pointer); ok {
				t = p.Elem()
			}
			if n, ok := t.(*types.Named); ok {
				name = n.Obj().Name() + "." + name
			}
		}
	}
	return home(o.Pkg().Path()) + "." + name
}
