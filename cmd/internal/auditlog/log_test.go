package auditlog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast/cmd/internal/auditlog"
	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the log at a path, and closes it when the test ends. Nothing may go wrong with it.
func open(t *testing.T, path string) *auditlog.Log {
	t.Helper()
	return openWith(t, path, slog.New(slog.NewTextHandler(failing{t}, &slog.HandlerOptions{Level: slog.LevelError})))
}

func openWith(t *testing.T, path string, logger *slog.Logger) *auditlog.Log {
	t.Helper()
	l, err := auditlog.Open(path, auditlog.Options{Realm: "r", Logger: logger})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// failing is where errors are logged that must not be.
type failing struct{ t *testing.T }

func (f failing) Write(line []byte) (int, error) {
	f.t.Errorf("logged: %s", line)
	return len(line), nil
}

// closeLog ends a log as the program does.
func closeLog(l *auditlog.Log) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = l.Run(ctx)
}

func call(n int) auditlog.Record {
	return auditlog.Record{
		Kind: auditlog.Call, Caller: "web", Address: "192.0.2.1:1", Action: "revoke", Outcome: "confirmed",
		Subjects:  []auditlog.Subject{{Scope: "principal", ID: fmt.Sprint("user <", n, ">\n")}},
		Claimed:   &auditlog.Claimed{Reason: "left", Initiator: "admin"},
		Positions: []string{fmt.Sprint("1-", n)},
	}
}

// verify verifies what the files hold.
func verify(t *testing.T, holds string, paths ...string) (auditlog.Summary, error) {
	t.Helper()
	var sources []auditlog.Source
	for _, p := range paths {
		data, err := os.ReadFile(p)
		must(t, err)
		sources = append(sources, auditlog.Source{Name: filepath.Base(p), Reader: bytes.NewReader(data)})
	}
	return auditlog.Verify(sources, holds)
}

// TestLogGoesOn over a restart, from many goroutines, and holds what was appended.
func TestLogGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() { l.Append(call(n)) })
	}
	all.Wait()
	_, noted := l.Head()
	closeLog(l)
	l = openWith(t, path, slog.New(slog.DiscardHandler))
	l.Append(call(40))
	n, head := l.Head()
	must(t, l.Close())
	l.Append(call(41)) // too late
	if l.Lost() != 1 {
		t.Error("what was appended after the end is not missed")
	}
	sum, err := verify(t, noted, path)
	must(t, err)
	if sum.Records != 43 || n != 43 || sum.Head != head || sum.Holds != 41 || sum.First.Kind != auditlog.Opened ||
		sum.First.Realm != "r" || sum.Missing != 0 || sum.Incomplete {
		t.Errorf("%+v, head %d", sum, n)
	}
	want := call(40)
	if got := sum.Last; got.N != 43 || got.Subjects[0] != want.Subjects[0] || *got.Claimed != *want.Claimed ||
		got.Positions[0] != "1-40" || got.Caller != "web" || got.Time.IsZero() {
		t.Errorf("%+v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if sum, err := verify(t, strings.Repeat("ab", 32), path); err != nil || sum.Holds != 0 {
		t.Errorf("a hash that is not there: %+v, %v", sum, err)
	}
}

// TestEveryChangeShows: each bit of each line but the last, and each line that is gone, twice, or moved.
func TestEveryChangeShows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	for n := range 4 {
		l.Append(call(n))
	}
	whole, err := os.ReadFile(path)
	must(t, err)
	check := func(what string, data []byte) {
		t.Helper()
		_, err := auditlog.Verify([]auditlog.Source{{Name: "log", Reader: bytes.NewReader(data)}}, "")
		if !errors.Is(err, auditlog.ErrBroken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n')
	for i := range last {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		check(fmt.Sprint("byte ", i), changed)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for i := range lines[:len(lines)-2] {
		gone := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		if i > 0 { // a log may begin with a later file
			check(fmt.Sprint("without line ", i), gone)
		}
		twice := bytes.Join(append(append([][]byte{}, lines[:i+1]...), lines[i:]...), nil)
		check(fmt.Sprint("twice line ", i), twice)
	}
	moved := append([][]byte{}, lines...)
	moved[1], moved[2] = moved[2], moved[1]
	check("moved", bytes.Join(moved, nil))
	check("nothing", nil)
}

// TestForgedNumbers: a chain that was made by somebody else still has to count.
func TestForgedNumbers(t *testing.T) {
	zeros := strings.Repeat("0", 64)
	kind := "call"
	chain := func(first string, numbers ...uint64) error {
		var b strings.Builder
		prev := first
		for _, n := range numbers {
			line := fmt.Sprintf(`{"n":%d,"time":"2026-01-02T03:04:05Z","prev":"%s","kind":"%s"}`, n, prev, kind)
			fmt.Fprintln(&b, line)
			prev = fmt.Sprintf("%x", sha256.Sum256([]byte(line)))
		}
		_, err := auditlog.Verify([]auditlog.Source{{Name: "log", Reader: strings.NewReader(b.String())}}, "")
		return err
	}
	must(t, chain(zeros, 1, 2, 3))
	must(t, chain(strings.Repeat("1", 64), 7, 8))
	for what, err := range map[string]error{
		"a gap": chain(zeros, 1, 3), "twice": chain(zeros, 1, 1), "a first one of an earlier file": chain(zeros, 2),
		"the first one follows": chain(strings.Repeat("1", 64), 1), "none": chain(zeros, 0),
		"none, and an earlier file": chain(strings.Repeat("1", 64), 0),
	} {
		if !errors.Is(err, auditlog.ErrBroken) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestForgedDamage: no line before it is incomplete.
func TestForgedDamage(t *testing.T) {
	line := `{"n":1,"time":"2026-01-02T03:04:05Z","prev":"` + strings.Repeat("0", 64) + `","kind":"damaged"}`
	_, err := auditlog.Verify([]auditlog.Source{{Name: "log", Reader: strings.NewReader(line + "\n")}}, "")
	if !errors.Is(err, auditlog.ErrBroken) {
		t.Error(err)
	}
}

// TestLargeFile: only the end of a file is read when a process goes on with it, and it has to be one.
func TestLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	l.Append(call(1))
	closeLog(l)
	lines, err := os.ReadFile(path)
	must(t, err)
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(20<<20)) // zeros, without any line
	if _, err := auditlog.Open(path, auditlog.Options{}); err == nil || !strings.Contains(err.Error(), "no audit log") {
		t.Errorf("zeros: %v", err)
	}
	_, err = f.WriteAt(append([]byte("\n"), lines...), 20<<20)
	must(t, err)
	if n, _ := open(t, path).Head(); n != 3 {
		t.Errorf("it goes on with record %d", n)
	}
}

// TestHeadIsLogged at the start, every ten minutes if there is a new one, and at the end. Both are what
// nobody who writes the file can change.
func TestHeadIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := openWith(t, filepath.Join(t.TempDir(), "audit.log"), slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		<-time.After(15 * time.Minute)
		l.Append(call(1))
		<-time.After(2 * time.Second)
		l.Append(call(2))
		<-time.After(18 * time.Minute)
		l.Append(call(3))
		cancel()
		must(t, <-ended)
		_, head := l.Head()
		var numbers []string
		for _, line := range strings.Split(log.String(), "\n") {
			if _, after, ok := strings.Cut(line, " records="); ok {
				numbers = append(numbers, strings.Fields(after)[0])
			}
		}
		if got := strings.Join(numbers, " "); got != "1 2 3 4" || !strings.Contains(log.String(), "head="+head) {
			t.Errorf("heads of records %s are logged:\n%s", got, &log)
		}
	})
}

// TestDyingWriter leaves part of a line. The next one says so, and nobody else can put such a part there.
func TestDyingWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	l.Append(call(1))
	closeLog(l)
	whole, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(bytes.Clone(whole), `{"n":3,"time":`...), 0o600))
	sum, err := verify(t, "", path)
	must(t, err)
	if !sum.Incomplete || sum.Records != 2 {
		t.Errorf("%+v", sum)
	}
	l = open(t, path)
	l.Append(call(2))
	sum, err = verify(t, "", path)
	must(t, err)
	if sum.Incomplete || sum.Damaged != 1 || sum.Records != 5 {
		t.Errorf("%+v", sum)
	}
	after, err := os.ReadFile(path)
	must(t, err)
	for what, data := range map[string][]byte{
		"another part":  bytes.Replace(after, []byte(`{"n":3,"time":`+"\n"), []byte(`{"n":3,"time"`+"\n"), 1),
		"no part":       bytes.Replace(after, []byte(`{"n":3,"time":`+"\n"), nil, 1),
		"one more part": bytes.Replace(after, []byte("\n"), []byte("\nx\n"), 1),
	} {
		if _, err := auditlog.Verify([]auditlog.Source{{Name: "log", Reader: bytes.NewReader(data)}}, ""); !errors.Is(
			err, auditlog.ErrBroken) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestMissingLineFeed: a line that lacks nothing else is a record. One with a blank too many is none.
func TestMissingLineFeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path)
	l.Append(call(1))
	closeLog(l)
	whole, err := os.ReadFile(path)
	must(t, err)
	bare := bytes.TrimSuffix(whole, []byte("\n"))
	must(t, os.WriteFile(path, append(bytes.Clone(bare), ' '), 0o600))
	if sum, err := verify(t, "", path); err != nil || !sum.Incomplete || sum.Records != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	must(t, os.WriteFile(path, bare, 0o600))
	if sum, err := verify(t, "", path); err != nil || sum.Incomplete || sum.Records != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	l = open(t, path)
	l.Append(call(2))
	if sum, err := verify(t, "", path); err != nil || sum.Damaged != 0 || sum.Records != 4 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestRotation: a file that is moved away is whole, and the next one goes on with the chain.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path, first := filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.log.1")
	var log bytes.Buffer
	l := openWith(t, path, slog.New(slog.NewTextHandler(&log, nil)))
	l.Append(call(1))
	l.Look()
	must(t, os.Rename(path, first))
	l.Append(call(2)) // before it was noticed
	whole, err := os.ReadFile(first)
	must(t, err)
	if !strings.Contains(string(whole), `"user <2>\n"`) {
		t.Errorf("not as it was sent: %s", whole)
	}
	l.Look()
	l.Append(call(3))
	sum, err := verify(t, "", first, path)
	must(t, err)
	if sum.Records != 5 || sum.Last.Positions[0] != "1-3" {
		t.Errorf("%+v", sum)
	}
	if sum, err := verify(t, "", path); err != nil || sum.Records != 2 || sum.First.N != 4 {
		t.Errorf("the second file alone: %+v, %v", sum, err)
	}
	if _, err := verify(t, "", path, first); !errors.Is(err, auditlog.ErrBroken) {
		t.Errorf("in the wrong order: %v", err)
	}
	// Another one puts a file there.
	must(t, os.Rename(path, first+".2"))
	must(t, os.WriteFile(path, []byte("mine\n"), 0o600))
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("log %s", &log)
	}
	l.Look()
	if !strings.Contains(log.String(), "has something in it already") {
		t.Errorf("log %s", &log)
	}
	l.Append(call(4))
	if sum, err := verify(t, "", first, first+".2"); err != nil || sum.Last.Positions[0] != "1-4" {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestRefusedFiles names what to do.
func TestRefusedFiles(t *testing.T) {
	dir := t.TempDir()
	log := func(name string) error {
		l, err := auditlog.Open(filepath.Join(dir, name), auditlog.Options{Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			closeLog(l)
		}
		return err
	}
	must(t, os.WriteFile(filepath.Join(dir, "open"), nil, 0o600))
	must(t, os.Chmod(filepath.Join(dir, "open"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "text"), []byte("a line\n"), 0o600))
	for name, want := range map[string]string{
		"open": "chmod o-rwx", "text": "publisher audit --log", ".": "directory", "none/log": "no such file",
	} {
		if err := log(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	l := open(t, filepath.Join(dir, "used"))
	if err := log("used"); err == nil || !strings.Contains(err.Error(), "its own file") {
		t.Errorf("used by another: %v", err)
	}
	l.Append(call(1))
}
