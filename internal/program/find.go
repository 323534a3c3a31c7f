// Package program runs the servers that tests need as processes of their own, so that no
// package of the library depends on a server: go mod tidy loads the tests of every package that
// a program imports, and a scanner would report a server's flaws to each user of the library.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// NATSServer returns where nats-server is.
func NATSServer() (string, error) {
	return Path("nats-server", "install NATS 2.11 or later, for instance with "+
		"go install github.com/nats-io/nats-server/v2@latest")
}

// Path returns where the program called name is. The environment decides first, in
// REVOCAST_NATS_SERVER for nats-server. Inside of the project's workspace it is the version that
// the workspace pins, built if need be. Elsewhere it is the one in PATH. The error ends with
// install, which says where to get it.
func Path(name, install string) (string, error) {
	if path := os.Getenv(variable(name)); path != "" {
		return path, nil
	}
	if path, ok := workspace(name); ok {
		return path, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %s, or set %s to where it is", err, install, variable(name))
	}
	return path, nil
}

func variable(name string) string {
	return "REVOCAST_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

var built struct {
	sync.Mutex // guards paths, and keeps two builds of one program apart
	paths      map[string]string
}

// workspace builds the tool called name. Go keeps it in its cache, so that only the first call
// after a change takes longer than a third of a second.
func workspace(name string) (path string, ok bool) {
	built.Lock()
	defer built.Unlock()
	if path, ok := built.paths[name]; ok {
		return path, path != ""
	}
	out, err := exec.Command("go", "tool", "-n", name).Output()
	if err == nil {
		path = strings.TrimSpace(string(out))
	}
	if built.paths == nil {
		built.paths = map[string]string{}
	}
	built.paths[name] = path
	return path, path != ""
}
