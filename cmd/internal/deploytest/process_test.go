package deploytest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// restartPause is how long a process that ended by itself is left alone, in the place of
// `restart: unless-stopped` in compose.yaml.
const restartPause = 100 * time.Millisecond

// process is a program that is kept running until it is stopped.
type process struct {
	name string
	args []string
	env  []string

	mu     sync.Mutex // guards what follows
	cmd    *exec.Cmd  // nil: not running
	ended  chan struct{}
	wanted bool
	timer  *time.Timer
	log    bytes.Buffer
}

// newProcess starts a program; it is killed when the test ends, and its log shown if that
// has failed.
func newProcess(t *testing.T, name string, env map[string]string, args ...string) *process {
	t.Helper()
	p := &process{name: name, args: args, env: environ(env)}
	t.Cleanup(func() {
		_ = p.stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s\n%s", name, p.tail(30))
		}
	})
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func environ(set map[string]string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "REVOCAST_") })
	env = append(env, "GORACE=atexit_sleep_ms=0")
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

// Write takes the process's output.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) tail(lines int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := strings.Split(strings.TrimRight(p.log.String(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
	return p.startLocked()
}

func (p *process) startLocked() error {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, p, p
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() { // ends with the process
		_ = cmd.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cmd = nil
		if p.wanted {
			p.timer = time.AfterFunc(restartPause, p.again)
		}
		close(ended)
	}()
	return nil
}

func (p *process) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted && p.cmd == nil {
		_ = p.startLocked() // a program that started once is there
	}
}

// stop sends a signal and waits until the process is gone. It stays so until start.
func (p *process) stop(signal syscall.Signal) error {
	p.mu.Lock()
	p.wanted = false
	if p.timer != nil {
		p.timer.Stop()
	}
	cmd, ended := p.cmd, p.ended
	p.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(signal) // it may be ending
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-ended:
		return nil
	case <-limit.C:
		_ = cmd.Process.Kill()
		<-ended
		return fmt.Errorf("%s did not end on %v\n%s", p.name, signal, p.tail(30))
	}
}
