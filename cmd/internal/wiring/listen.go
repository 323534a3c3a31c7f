package wiring

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens a TCP port, so that a taken one is an error before anything else starts. flag
// names the flag that the operator would change.
func Listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, WithHint(fmt.Errorf("%s %s: the port is in use", flag, addr),
			"stop what listens there or choose another port with %s", flag)
	case errors.Is(err, syscall.EACCES):
		return nil, WithHint(fmt.Errorf("%s %s: not allowed to listen there", flag, addr),
			"ports below 1024 need a privilege; choose a higher one with %s", flag)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", flag, addr, err)
	}
	return ln, nil
}

// IsLoopback reports whether only this machine can reach a listener's address.
func IsLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
