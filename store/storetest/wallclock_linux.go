package storetest

import (
	"os"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/wallclock"
)

// RedisAhead is [Redis] with the server's wall clock ahead of the machine's by so much,
// behind it where that is negative. [Server.MoveClock] changes it. It needs a C compiler.
func RedisAhead(tb testing.TB, ahead time.Duration, args ...string) *Server {
	tb.Helper()
	clock, err := wallclock.New(tb.Context(), tb.TempDir(), "redis")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{clock: clock}
	s.env = append(os.Environ(), clock.Env()...)
	s.tb = tb
	s.MoveClock(ahead)
	return redisOn(tb, s, args)
}

// MoveClock makes the wall clock of a server of [RedisAhead] ahead of the machine's by so much.
func (s *Server) MoveClock(ahead time.Duration) {
	s.tb.Helper()
	if err := s.clock.Move(ahead); err != nil {
		s.tb.Fatal(err)
	}
}
