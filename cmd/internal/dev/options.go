package dev

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"

	"github.com/revocast/revocast"
)

// maxWorkers is the most workers that one process runs.
const maxWorkers = 64

// Options are the settings of [Run].
type Options struct {
	// Listen is the API's address, WorkerListen the first worker's; the others take
	// the ports after it. Port 0 takes any free one, for each worker.
	Listen       string
	WorkerListen string

	// Workers is how many workers run, 1 to 64.
	Workers int

	// Data is the folder for the JetStream log and the demo issuer's key. It is created if it
	// does not exist.
	Data string

	// APIToken, if not empty, is required by the API. Without it the API is open, so Listen must
	// be a loopback address.
	APIToken string

	Version string       // of the software, as status shows it
	Logger  *slog.Logger // default [slog.Default]
}

func (o Options) withDefaults() (Options, error) {
	if o.Workers < 1 || o.Workers > maxWorkers {
		return o, fmt.Errorf("%w: --workers %d: want 1 to %d", revocast.ErrInvalid, o.Workers, maxWorkers)
	}
	if o.Data == "" {
		return o, fmt.Errorf("%w: --data is empty", revocast.ErrInvalid)
	}
	if o.APIToken == "" && !isLoopback(o.Listen) {
		return o, fmt.Errorf("%w: --listen %s is not a loopback address and the API would be open to "+
			"everybody: give an --api-token too", revocast.ErrInvalid, o.Listen)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}

// isLoopback reports whether only this machine can reach addr. A host name other than localhost
// is not looked up, because its address may change.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// workerAddr is the address of the nth worker, counted from zero.
func workerAddr(first string, n int) (string, error) {
	host, port, err := net.SplitHostPort(first)
	if err != nil {
		return "", fmt.Errorf("%w: --worker-listen %q: want host:port", revocast.ErrInvalid, first)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || p+uint64(n) > 65535 {
		return "", fmt.Errorf("%w: --worker-listen %q: no port for worker %d", revocast.ErrInvalid, first, n+1)
	}
	if p != 0 {
		p += uint64(n)
	}
	return net.JoinHostPort(host, strconv.FormatUint(p, 10)), nil
}
