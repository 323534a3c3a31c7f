package deployfiles

import (
	"fmt"
	"strconv"
	"strings"
)

// NATS is what differs between one nats-server and the next. Their users' passwords come
// from the environment: NATS_PUBLISHER_PASSWORD and NATS_WORKER_PASSWORD.
type NATS struct {
	Name string // server_name
	Port int    // on the loopback, for clients
	HTTP int    // on the loopback, for monitoring
	Dir  string // for JetStream

	// Operator is the password of one more user, operator, in the publishers' account, who may do
	// everything there; empty: there is none.
	Operator string
	// Cluster uncomments the block, with this port and these routes (host:port).
	Cluster int
	Routes  []string
	// TLS uncomments the block.
	TLS TLS
}

// Write writes nats.conf to a file.
func (n NATS) Write(name string) error {
	text, err := read("nats.conf")
	c := &conf{text, err}
	c.replace(`^server_name: .*$`, "server_name: "+n.Name)
	c.replace(`^listen: .*$`, "listen: 127.0.0.1:"+strconv.Itoa(n.Port))
	c.replace(`^http: .*$`, "http: 127.0.0.1:"+strconv.Itoa(n.HTTP))
	c.replace(`^  store_dir: .*$`, "  store_dir: "+strconv.Quote(n.Dir))
	if n.Operator != "" {
		c.replace(`^    jetstream: enabled\n    users: \[$`, fmt.Sprintf("    jetstream: enabled\n    users: [\n"+
			"      { user: operator, password: %q }", n.Operator))
	}
	if n.Cluster != 0 {
		c.uncomment("cluster {", "}")
		c.replace(`^  listen: .*$`, "  listen: 127.0.0.1:"+strconv.Itoa(n.Cluster))
		// Clients must not learn of addresses that nothing stands in front of.
		c.replace(`^  routes: .*$`, `  no_advertise: true`+"\n"+`  routes: [ "nats://`+
			strings.Join(n.Routes, `", "nats://`)+`" ]`)
	}
	if n.TLS != (TLS{}) {
		c.uncomment("tls {", "}")
		c.replace(`^  cert_file: .*$`, "  cert_file: "+strconv.Quote(n.TLS.Cert))
		c.replace(`^  key_file: .*$`, "  key_file: "+strconv.Quote(n.TLS.Key))
		c.replace(`^  ca_file: .*$`, "  ca_file: "+strconv.Quote(n.TLS.CA))
	}
	return c.write(name)
}
