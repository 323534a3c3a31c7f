package throttle_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/throttle"
)

// written is a log with a clock that the test moves.
func written() (*throttle.Log, *bytes.Buffer, *time.Duration) {
	var out bytes.Buffer
	now := new(time.Duration)
	return throttle.New(slog.New(slog.NewTextHandler(&out, nil)), func() time.Duration { return *now }), &out, now
}

func TestFloodIsOneLineAMinute(t *testing.T) {
	l, out, now := written()
	for range 440 * 150 { // 150 seconds of 440 lines each
		l.Warn("refused", "NATS reports an error")
		l.Info("regained", "NATS is back")
		*now += time.Second / 440
	}
	if n := strings.Count(out.String(), "reports an error"); n != 3 {
		t.Errorf("%d lines in two and a half minutes, want 3:\n%s", n, out)
	}
	if n := strings.Count(out.String(), "NATS is back"); n != 3 {
		t.Errorf("another kind: %d lines, want 3", n)
	}
	first, rest, _ := strings.Cut(out.String(), "\n")
	if strings.Contains(first, "left_out") || !strings.Contains(rest, "left_out=26") {
		t.Errorf("the first line leaves nothing out, the others say how many were:\n%s", out)
	}
}

func TestKindsAreBounded(t *testing.T) {
	l, out, _ := written()
	for i := range 100_000 {
		l.Warn(fmt.Sprint(i), "x")
	}
	if n := strings.Count(out.String(), "\n"); n != 257 {
		t.Errorf("%d lines for 100,000 kinds, want one each of the first 256, and one for all others", n)
	}
}

func TestWhatIsNotLoggedTakesNoTurn(t *testing.T) {
	l, out, _ := written()
	l.Log(slog.LevelDebug, "k", "hidden")
	l.Warn("k", "seen")
	if !strings.Contains(out.String(), "seen") {
		t.Error("a line below the level kept another one out")
	}
}
