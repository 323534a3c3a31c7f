// Command subscriber is a worker's memory as a sidecar, for services in any language:
// it answers whether a token is still good.
package main

import (
	"os"

	"github.com/revocast/revocast/cmd/internal/subscribercmd"
	"github.com/revocast/revocast/cmd/internal/wiring"
)

func main() { os.Exit(subscribercmd.Main(os.Args[1:], wiring.StandardStreams())) }
