package serving

import (
	"errors"
	"net"
	"testing"
)

// TestConnectionLimit: a connection beyond the limit is not accepted until another is closed, a
// connection that is closed twice makes room once, and a listener that is full can be closed.
func TestConnectionLimit(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	full := Limit(ln, 2)
	accepted, failed := make(chan net.Conn), make(chan error, 1)
	go func() {
		for {
			conn, err := full.Accept()
			if err != nil {
				failed <- err
				return
			}
			accepted <- conn
		}
	}()
	for range 4 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first, second := <-accepted, <-accepted
	defer second.Close()
	select {
	case <-accepted:
		t.Error("a third connection was accepted")
	default:
	}
	if n := len(full.(*limited).free); n != 2 {
		t.Errorf("%d connections are counted", n)
	}
	first.Close()
	first.Close()
	third := <-accepted
	defer third.Close()
	full.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept on a full listener that is closed: %v", err)
	}
}
