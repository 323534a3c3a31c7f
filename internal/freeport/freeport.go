// Package freeport finds ports for the servers that tests start.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// The system hands out ports from 32768 on, to servers that ask for any and to clients. A port from there
// that is free now may be somebody else's by the time that a program listens on it, or is started again on it.
const (
	first = 20_000
	ports = 12_000
)

var latest atomic.Uint32

func init() { latest.Store(rand.Uint32N(ports)) }

// Find returns a port that is free on 127.0.0.1, and that no other call in this process gets soon.
func Find() (int, error) {
	for range ports {
		port := first + int(latest.Add(1)%ports)
		ln, err := net.Listen("tcp", Addr(port))
		if err == nil {
			return port, ln.Close()
		}
	}
	return 0, fmt.Errorf("no port of %d is free", ports)
}

// Addr is the address of a port on 127.0.0.1.
func Addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
