package program_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/program"
)

const limit = 20 * time.Second

// self starts the test's own program, which does what the variable says.
func self(t *testing.T, does string, log *program.Log) *program.Process {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.Start(path, nil, append(os.Environ(), "PROGRAM_TEST="+does), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestMain(m *testing.M) {
	switch does := os.Getenv("PROGRAM_TEST"); does {
	case "":
		os.Exit(m.Run())
	case "end":
		os.Stdout.WriteString("nothing to do\n")
	case "stay":
		os.Stdout.WriteString("listening on :123\n")
		select {}
	}
}

func TestAwait(t *testing.T) {
	var log program.Log
	p := self(t, "stay", &log)
	said, err := p.Await(0, regexp.MustCompile(`on :(\d+)`), limit)
	if err != nil || said[1] != "123" {
		t.Fatalf("%q, %v", said, err)
	}
	if _, err := p.Await(log.Len(), regexp.MustCompile(`on :`), time.Millisecond); err == nil {
		t.Error("what was said before counts")
	}
	p.Stop(limit)
	select {
	case <-p.Over():
	default:
		t.Error("it runs after Stop")
	}
}

// TestEnded: a program that ends is not waited for.
func TestEnded(t *testing.T) {
	var log program.Log
	_, err := self(t, "end", &log).Await(0, regexp.MustCompile("never"), time.Hour)
	if err == nil || !strings.Contains(err.Error(), "nothing to do") {
		t.Errorf("%v, want what the program has said", err)
	}
}

// TestKilledWhenItDoesNotEnd: a limit of nothing leaves no time to end in.
func TestKilledWhenItDoesNotEnd(t *testing.T) {
	var log program.Log
	p := self(t, "stay", &log)
	p.Stop(0)
	<-p.Over()
}

func TestPath(t *testing.T) {
	t.Setenv("REVOCAST_SOME_SERVER", "/where/it/is")
	if path, err := program.Path("some-server", "install it"); path != "/where/it/is" || err != nil {
		t.Errorf("the environment is ignored: %q, %v", path, err)
	}
	path, err := program.NATSServer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "other-server"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	if path, err := program.Path("other-server", ""); filepath.Dir(path) != dir || err != nil {
		t.Errorf("what is in PATH is not found: %q, %v", path, err)
	}
	_, err = program.Path("no-such-server", "install it so")
	for _, want := range []string{"install it so", "REVOCAST_NO_SUCH_SERVER"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}
