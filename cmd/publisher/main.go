// Command publisher revokes tokens, sessions and whole accounts across a fleet: as a
// service (serve), as its command-line client, and as everything in one process (dev).
package main

import (
	"os"

	"github.com/revocast/revocast/cmd/internal/publishercmd"
	"github.com/revocast/revocast/cmd/internal/wiring"
)

func main() { os.Exit(publishercmd.Main(os.Args[1:], wiring.StandardStreams())) }
