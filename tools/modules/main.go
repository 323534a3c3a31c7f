// Command modules keeps the go.mod files of the workspace as they have to be. Run it at the
// root of the repository. Without -w it shows what is to be changed and fails.
//
// The modules of the workspace require each other at [version]. No `go mod tidy` could find that:
// here it works on a copy in which they are replaced by their folders.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// version is what the modules of the workspace require each other at.
const version = "v0.0.0"

func main() {
	write := flag.Bool("w", false, "write the files")
	flag.Parse()
	if err := run(".", *write); err != nil {
		fmt.Fprintln(os.Stderr, "modules:", err)
		os.Exit(1)
	}
}

func run(root string, write bool) error {
	w, err := openWorkspace(root)
	if err != nil {
		return err
	}
	var errs []error
	for _, folder := range w.folders() {
		if err := w.tidy(folder, write); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", folder, err))
		}
	}
	return errors.Join(errs...)
}

// workspace is the modules of a go.work file.
type workspace struct {
	root    string            // absolute
	modules map[string]string // folder, with slashes, to module path
}

func openWorkspace(root string) (*workspace, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	var file struct{ Use []struct{ DiskPath string } }
	if err := goJSON(root, &file, "work", "edit", "-json", filepath.Join(root, "go.work")); err != nil {
		return nil, err
	}
	w := &workspace{root: root, modules: make(map[string]string)}
	for _, use := range file.Use {
		folder := filepath.ToSlash(filepath.Clean(use.DiskPath))
		var mod struct{ Module struct{ Path string } }
		if err := goJSON(filepath.Join(root, use.DiskPath), &mod, "mod", "edit", "-json"); err != nil {
			return nil, err
		}
		w.modules[folder] = mod.Module.Path
	}
	return w, nil
}

func (w *workspace) folders() []string { return slices.Sorted(maps.Keys(w.modules)) }

// tidy runs `go mod tidy` on a copy of a module's go.mod in which the other modules are
// replaced by their folders, and compares or writes what comes of it.
func (w *workspace) tidy(folder string, write bool) error {
	scratch, err := os.MkdirTemp("", "modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	dir := filepath.Join(w.root, folder)
	mod, sum := filepath.Join(scratch, "go.mod"), filepath.Join(scratch, "go.sum")
	err = errors.Join(copyFile(mod, filepath.Join(dir, "go.mod")), copyFile(sum, filepath.Join(dir, "go.sum")))
	if err != nil {
		return err
	}
	replace, restore := []string{"mod", "edit"}, []string{"mod", "edit"}
	for other, path := range w.modules {
		if other != folder {
			replace = append(replace, "-replace="+path+"@"+version+"="+filepath.Join(w.root, other))
			restore = append(restore, "-dropreplace="+path+"@"+version)
		}
	}
	tidy := []string{"mod", "tidy", "-modfile=" + mod}
	for _, args := range [][]string{append(replace, mod), tidy, append(restore, mod)} {
		if _, err := goRun(dir, args...); err != nil {
			return err
		}
	}
	return errors.Join(
		settle(filepath.Join(dir, "go.mod"), mod, write),
		settle(filepath.Join(dir, "go.sum"), sum, write),
	)
}

// settle compares a file with what it has to be.
func settle(file, want string, write bool) error {
	have, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := os.ReadFile(want)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch {
	case bytes.Equal(have, text):
		return nil
	case write:
		return os.WriteFile(file, text, 0o644)
	}
	return fmt.Errorf("%s is not tidy: run `make tidy`; it would be\n%s", filepath.Base(file), text)
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// eachFile calls f with the files of a module, and not with those of modules inside it.
func eachFile(dir string, f func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			if d.Type().IsRegular() {
				return f(path)
			}
			return nil
		case path == dir:
			return nil
		case strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
			return fs.SkipDir
		}
		return nil
	})
}

func goJSON(dir string, out any, args ...string) error {
	text, err := goRun(dir, args...)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// goRun runs the go command on a module alone, without the workspace around it.
func goRun(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}
