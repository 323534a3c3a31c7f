package law

import (
	"fmt"
	"os"
	"testing"

	"github.com/revocast/revocast/internal/leak"
)

// TestMain runs all tests at the root of the repository.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	leak.Main(m)
}
