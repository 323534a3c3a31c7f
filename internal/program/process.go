package program

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

// pollEvery is how often [Process.Await] looks.
const pollEvery = time.Millisecond

// Process is a program that runs.
type Process struct {
	cmd  *exec.Cmd
	over chan struct{}
	log  *Log
}

// Start starts a program. What it writes to its standard output and error goes to the log. env
// nil means this process's environment.
func Start(path string, args, env []string, log *Log) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), over: make(chan struct{}), log: log}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process, which Kill and Stop wait for
		defer close(p.over)
		_ = p.cmd.Wait()
	}()
	return p, nil
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Over is closed when the process has ended.
func (p *Process) Over() <-chan struct{} { return p.over }

// Kill ends the process as a crash does, and returns when it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.over
}

// Stop asks the process to end, as Ctrl-C does, and returns when it has ended. It is killed when
// that takes longer than limit, or where the system has no such request.
func (p *Process) Stop(limit time.Duration) {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.Kill()
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.over:
	case <-timer.C:
		p.Kill()
	}
}

// Await waits until the process has written what matches after the first from bytes of its log,
// and returns the match and its groups. It fails when the process ends, and after limit.
func (p *Process) Await(from int, pattern *regexp.Regexp, limit time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if found := pattern.FindStringSubmatch(p.log.String()[from:]); found != nil {
			return found, nil
		}
		select {
		case <-ticker.C:
		case <-p.over:
			return nil, fmt.Errorf("%s ended: %s", p.cmd.Path, p.log.String()[from:])
		case <-ctx.Done():
			return nil, fmt.Errorf("%s has not said %q within %v: %s",
				p.cmd.Path, pattern, limit, p.log.String()[from:])
		}
	}
}

// Log is what one process, or several after each other, have written. The zero value is empty.
// Several goroutines may use it.
type Log struct {
	mu  sync.Mutex // guards buf, which the process's copying goroutine writes
	buf bytes.Buffer
}

// Write adds to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// Len returns how many bytes the log has.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Len()
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
