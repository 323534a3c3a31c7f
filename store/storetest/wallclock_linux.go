package storetest

import (
	_ "embed"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed testdata/wallclock.c
var wallclockSource []byte

// RedisAhead is [Redis] with the server's wall clock ahead of the machine's by so much,
// behind it where that is negative. [Server.MoveClock] changes it. It needs a C compiler.
func RedisAhead(tb testing.TB, ahead time.Duration, args ...string) *Server {
	tb.Helper()
	dir := tb.TempDir()
	source, library := filepath.Join(dir, "wallclock.c"), filepath.Join(dir, "wallclock.so")
	if err := os.WriteFile(source, wallclockSource, 0o600); err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.CommandContext(tb.Context(), "cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-lm").CombinedOutput(); err != nil {
		tb.Fatalf("storetest: compile the clock: %v (a C compiler is needed: apt install gcc)\n%s", err, out)
	}
	s := &Server{clock: filepath.Join(dir, "ahead")}
	s.env = append(os.Environ(), "LD_PRELOAD="+library, "WALLCLOCK_FILE="+s.clock)
	s.tb = tb
	s.MoveClock(ahead)
	return redisOn(tb, s, args)
}

// MoveClock makes the wall clock of a server of [RedisAhead] ahead of the machine's by so much.
func (s *Server) MoveClock(ahead time.Duration) {
	s.tb.Helper()
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], math.Float64bits(ahead.Seconds()))
	// Written in place: the server has the file mapped.
	f, err := os.OpenFile(s.clock, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b[:], 0); err != nil {
		s.tb.Fatal(err)
	}
}
