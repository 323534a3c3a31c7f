package sqltest

import (
	"fmt"
	"os"
	"testing"

	"github.com/revocast/revocast/internal/leak"
)

// TestMain stops the servers before it looks for goroutines that were left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	shared.stop()
	if err := leak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
