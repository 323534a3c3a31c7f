package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a redis-server process.
type Redis struct {
	*Process
	Addr string
	dir  string
}

// newRedis is a server that does not run yet. Where there is to be a replica, both
// refuse writes that none has seen for a second.
func newRedis(dir, name string, port int, replicated bool, more ...string) (*Redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("no redis-server in PATH: install Redis 7.0 or later (apt install redis-server, brew install redis)")
	}
	data := filepath.Join(dir, name)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	args := []string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", data,
		"--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no", "--save", "",
		"--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0",
		"--replica-serve-stale-data", "no", "--repl-ping-replica-period", "1",
	}
	if replicated {
		args = append(args, "--min-replicas-to-write", "1", "--min-replicas-max-lag", "1")
	}
	return &Redis{
		Process: newProcess(dir, name, path, append(args, more...)...),
		Addr:    "127.0.0.1:" + strconv.Itoa(port), dir: data,
	}, nil
}

// Do runs one command at the server, past every link.
func (r *Redis) Do(ctx context.Context, args ...any) (any, error) {
	c := redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1, DisableIdentity: true})
	defer c.Close()
	return c.Do(ctx, args...).Result()
}

// ForgetFiles deletes what it has written to disk. The process must not run.
func (r *Redis) ForgetFiles() error {
	return errors.Join(os.RemoveAll(filepath.Join(r.dir, "appendonlydir")), os.RemoveAll(filepath.Join(r.dir, "dump.rdb")))
}

// Serves asks without a client, which would log every refused connection.
func (r *Redis) Serves() error {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, "+PONG") {
		err = fmt.Errorf("PING answered with %q", answer)
	}
	return err
}

// Node is a nats-server process.
type Node struct {
	*Process
	Addr string
	dir  string
}

// newNodes are the nodes of one cluster, with two ports each; a single one is no cluster.
func newNodes(dir, program string, ports []int) []*Node {
	n := len(ports) / 2
	var routes []string
	for i := range n {
		routes = append(routes, "127.0.0.1:"+strconv.Itoa(ports[n+i]))
	}
	nodes := make([]*Node, n)
	for i := range nodes {
		name := fmt.Sprintf("nats-%d", i+1)
		args := []string{"-name", name, "-dir", filepath.Join(dir, name), "-port", strconv.Itoa(ports[i])}
		if n > 1 {
			args = append(args, "-cluster-port", strconv.Itoa(ports[n+i]), "-routes", strings.Join(routes, ","))
		}
		nodes[i] = &Node{
			Process: newProcess(dir, name, program, args...),
			Addr:    "127.0.0.1:" + strconv.Itoa(ports[i]), dir: filepath.Join(dir, name),
		}
	}
	return nodes
}

// ports hands out ports of the loopback, each once. They lie below those that the
// system gives to clients and to whoever listens on any port, so that none is taken
// between being found and being used.
type ports struct{ used map[int]bool }

const (
	firstPort = 12_000
	lastPort  = 32_000
)

// find finds n ports that are free now.
func (p *ports) find(n int) ([]int, error) {
	if p.used == nil {
		p.used = make(map[int]bool)
	}
	var found []int
	for range 50 * n {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if p.used[port] {
			continue
		}
		p.used[port] = true
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		ln.Close()
		if found = append(found, port); len(found) == n {
			return found, nil
		}
	}
	return nil, errors.New("no free ports")
}

// Eventually calls f until it returns nil. When ctx ends it gives the last error that
// was not merely the end of ctx.
func Eventually(ctx context.Context, every time.Duration, f func() error) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var last error
	for {
		err := f()
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w, last: %w", ctx.Err(), last)
		}
	}
}
