package story_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/freeport"
)

// process is one of the programs as it runs for a test.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer // of both streams; read it after the end
	ended  chan error
}

// start starts a program. When the test ends it is asked to stop, and must then end
// with success.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(args[0], args[1:]...), ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// wait waits for a program that ends by itself.
func (p *process) wait(t *testing.T) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case err := <-p.ended:
		p.ended <- nil
		if err != nil {
			t.Fatalf("%v: %v\n%s", p.cmd.Args, err, p.output.String())
		}
	case <-limit.C:
		t.Fatalf("%v does not end", p.cmd.Args)
	}
}

func (p *process) stop(t *testing.T) {
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case err := <-p.ended:
		if err != nil || t.Failed() {
			t.Errorf("%v: %v\n%s", p.cmd.Args, err, p.output.String())
		}
	case <-limit.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("%v did not stop\n%s", p.cmd.Args, p.output.String())
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return freeport.Addr(port)
}

// newClient has connections of its own, which end with the test.
func newClient(t *testing.T, addr string) *client.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: fleetClients}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New("http://"+addr, client.Options{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
