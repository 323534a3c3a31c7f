package deployfiles

import (
	"fmt"
	"regexp"
	"strconv"
)

// Redis is what differs between one redis-server and the next.
type Redis struct {
	Port int    // on the loopback
	Dir  string // for its data

	// Passwords, by user, take the place of PASSWORD in the lines of these users, which
	// are uncommented: publisher, worker, replica, sentinel. A server of compose.yaml has
	// none, see [ComposeRedis].
	Passwords map[string]string
	// Health uncomments the user for health checks.
	Health bool
	// MinReplicas uncomments what a primary with replicas needs.
	MinReplicas bool
	// TLS uncomments the block, on the same port.
	TLS TLS
	// More is put at the end, as it is.
	More string
}

// Write writes redis.conf to a file.
func (r Redis) Write(name string) error {
	text, err := read("redis.conf")
	c := &conf{text, err}
	c.replace(`^bind .*$`, "bind 127.0.0.1")
	c.replace(`^port .*$`, "port "+strconv.Itoa(r.Port))
	c.replace(`^dir .*$`, "dir "+strconv.Quote(r.Dir))
	for user, password := range r.Passwords {
		first := regexp.MustCompile(`(?m)^# (user ` + user + ` +on >)PASSWORD`).FindStringSubmatch(c.text)
		if first == nil {
			return fmt.Errorf("deploy/redis.conf has no user %s", user)
		}
		c.uncomment(first[1], "user "+user)
		c.replace(`^`+regexp.QuoteMeta(first[1])+`PASSWORD`, first[1]+password)
	}
	if password, ok := r.Passwords["replica"]; ok {
		c.uncomment("masteruser", "masterauth")
		c.replace(`^masterauth .*$`, "masterauth "+password)
	}
	if r.Health {
		c.uncomment("user health", "user health")
	}
	if r.MinReplicas {
		c.uncomment("min-replicas-to-write", "repl-ping-replica-period")
	}
	if r.TLS != (TLS{}) {
		c.uncomment("tls-port", "tls-ca-cert-file")
		c.replace(`^tls-port .*$`, "tls-port "+strconv.Itoa(r.Port))
		c.replace(`^tls-cert-file .*$`, "tls-cert-file "+r.TLS.Cert)
		c.replace(`^tls-key-file .*$`, "tls-key-file "+r.TLS.Key)
		c.replace(`^tls-ca-cert-file .*$`, "tls-ca-cert-file "+r.TLS.CA)
	}
	c.text += "\n" + r.More
	return c.write(name)
}
