// Package story tests both programs as processes, from the outside: stories in
// testdata, each a list of commands and what they print, and the fleet.
package story_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/revocast/revocast/cmd/internal/publishercmd"
	"github.com/revocast/revocast/cmd/internal/subscribercmd"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"publisher":  func() { os.Exit(publishercmd.Main(os.Args[1:], wiring.StandardStreams())) },
		"subscriber": func() { os.Exit(subscribercmd.Main(os.Args[1:], wiring.StandardStreams())) },
	})
}

// leakChecked fails the run if tests left goroutines behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := leak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
