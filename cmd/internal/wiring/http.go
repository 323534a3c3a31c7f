package wiring

import (
	"net"

	"github.com/revocast/revocast/internal/hosts"
	"github.com/revocast/revocast/internal/serving"
)

// HTTPFlags are what the HTTP listeners of both programs have in common.
type HTTPFlags struct {
	AllowHost      []string `name:"allow-host" placeholder:"NAME" help:"Host that requests may name, without a port; may be repeated. An address of the machine and localhost always may. Default: on loopback no other, else any."`
	MaxConnections int      `name:"max-connections" default:"1024" placeholder:"N" help:"Connections that are open at a time; those beyond it wait. Each may hold some 300 KiB, also before its caller is known. Default: ${default}."`
}

// Check is called by the commands' Validate.
func (f *HTTPFlags) Check() error {
	if f.MaxConnections < 1 {
		return Usage("--max-connections %d: want at least 1", f.MaxConnections)
	}
	return nil
}

// Hosts are the hosts that are served at addr. Where everybody is let in, no address but loopback is one.
func (f *HTTPFlags) Hosts(addr net.Addr, insecure bool) *hosts.Allowed {
	if len(f.AllowHost) == 0 && !IsLoopback(addr) {
		return nil
	}
	return &hosts.Allowed{Names: f.AllowHost, Addresses: !insecure || !IsLoopback(addr)}
}

// Limit bounds how many connections ln holds open.
func (f *HTTPFlags) Limit(ln net.Listener) net.Listener { return serving.Limit(ln, f.MaxConnections) }
