package freeport_test

import (
	"net"
	"testing"

	"github.com/revocast/revocast/internal/freeport"
)

// TestFind: each call gives another port, outside those that the system hands out, and what is taken is
// passed over.
func TestFind(t *testing.T) {
	one, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", freeport.Addr(one+1))
	if err == nil {
		defer taken.Close()
	}
	two, err := freeport.Find()
	if err != nil || two == one || two == one+1 {
		t.Fatalf("%d after %d: %v", two, one, err)
	}
	for _, port := range []int{one, two} {
		if port < 20_000 || port >= 32_000 {
			t.Errorf("%d is of those that the system hands out", port)
		}
	}
}
