package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// restartPause is the pause before a process that ended by itself is started again, as init
// systems do for a publisher that starts while Redis is away.
const restartPause = 200 * time.Millisecond

// stopLimit is how long compose.yaml lets a program end.
const stopLimit = 20 * time.Second

// Process is a program that is kept running until it is killed. It dies with this process if the
// system can promise that, and with [Process.Close] in any case.
type Process struct {
	Name string
	path string
	args []string
	env  []string // beside this process's own
	log  string   // file of both its streams, appended to

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil: not running
	ended  chan struct{} // closed when cmd has ended
	wanted bool          // start it again when it ends
}

func newProcess(dir, name, path string, args ...string) *Process {
	return &Process{Name: name, path: path, args: args, log: filepath.Join(dir, name+".log")}
}

// Start starts the process and keeps it running. It does not wait for it to serve.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
	if p.cmd != nil {
		return fmt.Errorf("%s runs already", p.Name)
	}
	return p.startLocked()
}

func (p *Process) startLocked() error {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), p.env...)
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	p.cmd, p.ended = cmd, make(chan struct{})
	go p.watch(cmd, p.ended)
	return nil
}

// watch reaps the process; it is the goroutine that ends with it.
func (p *Process) watch(cmd *exec.Cmd, ended chan struct{}) {
	_ = cmd.Wait() // its log says why
	p.mu.Lock()
	p.cmd = nil
	again := p.wanted
	p.mu.Unlock()
	close(ended)
	if again {
		time.AfterFunc(restartPause, p.restart)
	}
}

func (p *Process) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted && p.cmd == nil {
		_ = p.startLocked() // a program that started once is there
	}
}

// Kill kills the process as a crash does, and waits until it is gone. It stays dead
// until [Process.Start].
func (p *Process) Kill() { <-p.end(os.Kill) }

// Stop asks the process to end, as service managers do, and kills it if it has not after a while,
// which is an error. It stays dead until [Process.Start].
func (p *Process) Stop() error {
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.end(stopSignal()):
		return nil
	case <-limit.C:
		p.Kill()
		return fmt.Errorf("%s did not end within %s of being asked to", p.Name, stopLimit)
	}
}

// end sends a signal and returns what is closed when the process is gone.
func (p *Process) end(s os.Signal) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = false
	if p.cmd == nil {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	_ = p.cmd.Process.Signal(s) // it may be ending
	return p.ended
}

// Close is Kill, for the end.
func (p *Process) Close() { p.Kill() }

// Pause suspends the process; Resume continues it.
func (p *Process) Pause() error { return p.signal(pauseSignal()) }

// Resume continues a paused process.
func (p *Process) Resume() error { return p.signal(resumeSignal()) }

func (p *Process) signal(s os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("%s does not run", p.Name)
	}
	return p.cmd.Process.Signal(s)
}

// Memory is what the process has in memory, in bytes; zero where that is not known.
func (p *Process) Memory() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(p.cmd.Process.Pid)).Output()
	if err != nil {
		return 0
	}
	kib, _ := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kib << 10
}

// Tail is the end of its log.
func (p *Process) Tail(lines int) string {
	data, err := os.ReadFile(p.log)
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// run runs a program to its end and returns its error with what it printed.
func run(path string, args ...string) error {
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = dieWithParent()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(path), strings.Join(args, " "), err, out)
	}
	return nil
}
