package leak

import (
	"bytes"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"
)

// waitIn is a goroutine that waits until it is told to end, which counts as left until then.
func waitIn(t *testing.T) (end func()) {
	t.Helper()
	release, ended := make(chan struct{}), make(chan struct{})
	go waitFor(release, ended)
	end = func() {
		if release != nil {
			close(release)
			<-ended
			release = nil
		}
	}
	t.Cleanup(end)
	return end
}

func waitFor(release, ended chan struct{}) {
	defer close(ended)
	<-release
}

func TestFindNamesWhatIsLeft(t *testing.T) {
	end := waitIn(t)
	err := find(20*time.Millisecond, nil)
	if err == nil {
		t.Fatal("a goroutine that does not end was not found")
	}
	const name = "github.com/revocast/revocast/internal/leak.waitFor"
	if text := err.Error(); strings.Count(text, "\ngoroutine ") != 1 || !strings.Contains(text, "\n"+name+"(") {
		t.Errorf("want the stack of %s and no other, got:\n%s", name, text)
	}
	if err := find(20*time.Millisecond, []string{name}); err != nil {
		t.Errorf("although its function is ignored: %v", err)
	}
	end()
	if err := Find(); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

func TestFindWaitsForWhatEnds(t *testing.T) {
	release, ended := make(chan struct{}), make(chan struct{})
	go waitFor(release, ended)
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	if err := Find(); err != nil {
		t.Errorf("a goroutine that ends soon: %v", err)
	}
}

func TestFindIgnoresSignals(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	defer signal.Stop(c)
	if err := find(20*time.Millisecond, nil); err != nil {
		t.Error(err)
	}
}

// TestFindIgnoresTestsThatWait: the parent of a subtest, and a parallel test that has not begun.
func TestFindIgnoresTestsThatWait(t *testing.T) {
	t.Run("first", func(t *testing.T) { t.Parallel() })
	t.Run("second", func(t *testing.T) {
		if err := find(20*time.Millisecond, nil); err != nil {
			t.Error(err)
		}
	})
}

type result int

func (r result) Run() int { return int(r) }

func TestVerify(t *testing.T) {
	var out bytes.Buffer
	if code := verify(result(0), &out, 20*time.Millisecond, nil); code != 0 || out.Len() > 0 {
		t.Errorf("nothing is left: code %d, %q", code, &out)
	}
	waitIn(t)
	if code := verify(result(3), &out, 20*time.Millisecond, nil); code != 3 || out.Len() > 0 {
		t.Errorf("the tests failed by themselves: code %d, %q", code, &out)
	}
	code := verify(result(0), &out, 20*time.Millisecond, nil)
	if code != 1 || !strings.Contains(out.String(), "waitFor") {
		t.Errorf("a goroutine is left: code %d, %q", code, &out)
	}
}
