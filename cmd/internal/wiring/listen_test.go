package wiring

import (
	"net"
	"strings"
	"testing"
)

func TestListenTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = Listen(t.Context(), "--listen", ln.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "the port is in use") || HintOf(err) == "" {
		t.Errorf("error %v, hint %q", err, HintOf(err))
	}
}
