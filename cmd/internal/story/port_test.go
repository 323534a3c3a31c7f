package story_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// The system hands out ports from 32768 on, to servers that ask for any and to clients. A port from there
// that is free now may be somebody else's by the time that a program listens on it.
const (
	firstPort = 20_000
	ports     = 12_000
)

var latestPort atomic.Uint32

func init() { latestPort.Store(rand.Uint32N(ports)) }

// freePort finds a port that is free, and that no other test of this process gets.
func freePort() (string, error) {
	for range ports {
		port := strconv.Itoa(firstPort + int(latestPort.Add(1)%ports))
		ln, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, ln.Close()
		}
	}
	return "", fmt.Errorf("no port of %d is free", ports)
}
