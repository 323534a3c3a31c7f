//go:build linux

package auditlog_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/revocast/revocast/cmd/internal/auditlog"
)

// TestFullDisk: records are lost and counted, no line is half written, and the log says how many are missing.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	var log bytes.Buffer
	l := openWith(t, path, slog.New(slog.NewTextHandler(&log, nil)))
	l.Append(call(1))
	limit(t, 1500, func() {
		for n := range 20 {
			l.Append(call(n))
		}
	})
	if n := strings.Count(log.String(), "the audit log cannot be written"); n != 1 {
		t.Errorf("said %d times within a minute", n)
	}
	lost := l.Lost()
	if lost == 0 || lost > 19 {
		t.Fatalf("%d lost", lost)
	}
	l.Append(call(100))
	sum, err := verify(t, "", path)
	must(t, err)
	if sum.Missing != lost || sum.Last.Positions[0] != "1-100" || sum.Damaged != 0 || l.Lost() != lost {
		t.Errorf("%+v, lost %d", sum, lost)
	}
	l.Append(call(101))
	if sum, err := verify(t, "", path); err != nil || sum.Missing != lost || sum.Last.Kind != auditlog.Call {
		t.Errorf("%+v, %v", sum, err)
	}
}

// limit lets this process write files of so many bytes at most, as long as f runs.
func limit(t *testing.T, bytes uint64, f func()) {
	t.Helper()
	var was syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: was.Max}))
	defer func() { must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was)) }()
	f()
}
