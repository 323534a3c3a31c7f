// Command natsnode is one node of the NATS cluster that the fault tests run against: the
// real server, in a process that can be killed, with a configuration file.
package main

import (
	"os"

	"github.com/revocast/revocast/internal/natsserver"
)

func main() { os.Exit(natsserver.Main(os.Args[1:])) }
