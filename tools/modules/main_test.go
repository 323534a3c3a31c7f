package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// proxy is a module proxy that serves the modules of the workspace as they stand, at
// [version], and all others out of the module cache of this machine, or else from where this
// machine gets them.
type proxy struct {
	t   *testing.T
	env []string
	bin string // where programs are installed
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	w, err := openWorkspace("../..")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := goRun(".", "env", "GOMODCACHE")
	if err != nil {
		t.Fatal(err)
	}
	usual, err := goRun(".", "env", "GOPROXY")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for folder, path := range w.modules {
		if err := publish(filepath.Join(dir, path, "@v"), filepath.Join(w.root, folder), path); err != nil {
			t.Fatal(err)
		}
	}
	download := filepath.Join(strings.TrimSpace(string(cache)), "cache", "download")
	p := &proxy{t: t, bin: t.TempDir()}
	p.env = append(
		os.Environ(), "GOWORK=off", "GOSUMDB=off", "GOFLAGS=-mod=mod -modcacherw -trimpath", "GOTOOLCHAIN=local",
		"GOPROXY="+fileURL(dir)+","+fileURL(download)+","+strings.TrimSpace(string(usual)),
		"GOMODCACHE="+t.TempDir(), "GOBIN="+p.bin,
	)
	return p
}

func fileURL(path string) string {
	return "file:///" + strings.TrimPrefix(filepath.ToSlash(path), "/")
}

// publish writes what a proxy serves of one version of a module (go.dev/ref/mod#goproxy-protocol).
func publish(at, dir, path string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	info := fmt.Appendf(nil, "{\"Version\":%q}", version)
	if err := os.WriteFile(filepath.Join(at, version+".info"), info, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(at, "list"), []byte(version+"\n"), 0o644); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(at, version+".mod"), filepath.Join(dir, "go.mod")); err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(at, version+".zip"))
	if err != nil {
		return err
	}
	defer out.Close()
	z := zip.NewWriter(out)
	err = eachFile(dir, func(file string) error {
		name, err := filepath.Rel(dir, file)
		if err != nil || strings.HasPrefix(name, "bin"+string(filepath.Separator)) {
			return err
		}
		entry, err := z.Create(path + "@" + version + "/" + filepath.ToSlash(name))
		if err != nil {
			return err
		}
		in, err := os.Open(file)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(entry, in)
		return err
	})
	if err != nil {
		return err
	}
	return z.Close()
}

// run runs a command that has no modules but those of the proxy, and returns its output.
func (p *proxy) run(dir, name string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// most is how many modules a program sees that embeds a worker, its own included. The tests of
// the library's packages are among what go mod tidy looks at.
const most = 25

// foreign are modules that no such program hears of.
var foreign = []string{
	"kong", "porcupine", "prometheus", "argon2id", "go-internal", "nats-server", "miniredis", "gopher-lua",
	"goleak", "rapid",
}

// TestConsumer is the module of a program that embeds a worker.
func TestConsumer(t *testing.T) {
	p, dir := newProxy(t), t.TempDir()
	write(t, filepath.Join(dir, "go.mod"),
		"module example.com/consumer\n\ngo 1.26.0\n\nrequire github.com/revocast/revocast "+version+"\n")
	write(t, filepath.Join(dir, "main.go"), `package main

import (
	_ "github.com/revocast/revocast/realm"
	_ "github.com/revocast/revocast/token"
	_ "github.com/revocast/revocast/worker"
)

func main() {}
`)
	p.run(dir, "go", "mod", "tidy")
	all := p.run(dir, "go", "list", "-m", "all")
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(all, "\n"); n > most {
		t.Errorf("%d modules, want at most %d:\n%s", n, most, all)
	}
	for _, name := range foreign {
		if strings.Contains(all+string(sum), name) {
			t.Errorf("%s is among the modules of a program that embeds a worker:\n%s\n%s", name, all, sum)
		}
	}
}

// TestInstall has `go install` take the program from a module proxy.
func TestInstall(t *testing.T) {
	p := newProxy(t)
	p.run(p.bin, "go", "install", "github.com/revocast/revocast/cmd/publisher@"+version)
	if out := p.run(p.bin, filepath.Join(p.bin, "publisher"), "--version"); !strings.Contains(out, version) {
		t.Errorf("publisher --version says %q, want %s", out, version)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
