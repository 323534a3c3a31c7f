package wiring

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/serving"
)

// TestDelayBySignal: SIGTERM has the delay, Ctrl-C does not, a second signal kills.
func TestDelayBySignal(t *testing.T) {
	for _, c := range []struct {
		signal syscall.Signal
		want   string
	}{{syscall.SIGTERM, "1h0m0s\n"}, {syscall.SIGINT, "0s\n"}} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDelayChild$")
		cmd.Env = append(os.Environ(), "REVOCAST_TEST_DELAY_CHILD=1", "GORACE=atexit_sleep_ms=0")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
			t.Fatalf("%q, %v", line, err)
		}
		_ = cmd.Process.Signal(c.signal)
		if line, err := lines.ReadString('\n'); err != nil || line != c.want {
			t.Errorf("%s: the delay is %q, want %q; %v", c.signal, line, c.want, err)
		}
		_ = cmd.Process.Signal(c.signal)
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != c.signal {
			t.Errorf("%s a second time: %v, want it killed", c.signal, err)
		}
	}
}

// TestDelayChild is the process of TestDelayBySignal, and nothing else.
func TestDelayChild(*testing.T) {
	if os.Getenv("REVOCAST_TEST_DELAY_CHILD") == "" {
		return
	}
	ctx, stop := serving.UntilSignal()
	defer stop()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println((&DrainFlags{DrainDelay: time.Hour}).Delay(ctx)())
	select {}
}

// TestDelayOtherwise: a context that ended in another way has the delay.
func TestDelayOtherwise(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &DrainFlags{DrainDelay: time.Second}
	if got := f.Delay(ctx)(); got != time.Second || f.Check() != nil {
		t.Errorf("%s, %v", got, f.Check())
	}
	if (&DrainFlags{DrainDelay: -1}).Check() == nil {
		t.Error("a negative delay is one")
	}
}
