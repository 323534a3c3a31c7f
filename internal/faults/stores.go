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

	"github.com/revocast/revocast/internal/deployfiles"
	"github.com/revocast/revocast/internal/wallclock"
)

// Redis is a redis-server process.
type Redis struct {
	*Process
	Addr  string
	dir   string
	clock *wallclock.Clock // nil where none can be moved
}

// The users have the permissions of deploy/; the operator is the rig itself.
const (
	publisherUser = "publisher:publisher-password@"
	workerUser    = "worker:worker-password@"
	operator      = "operator"
)

// newRedis is a server that does not run yet, with deploy/redis.conf and its users. If there is
// to be a replica, both refuse writes while no replica has answered for a second.
func newRedis(dir, name string, port int, replicated bool, more ...string) (*Redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New(
			"no redis-server in PATH: install Redis 7.0 or later (apt install redis-server, brew install redis)",
		)
	}
	data := filepath.Join(dir, name)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, name+".conf")
	err = deployfiles.Redis{
		Port: port, Dir: data, MinReplicas: replicated,
		Passwords: map[string]string{
			"publisher": "publisher-password", "worker": "worker-password", "replica": "replica-password",
		},
		More: "user operator on >operator ~* &* +@all\nrepl-diskless-sync-delay 0\n",
	}.Write(conf)
	if err != nil {
		return nil, err
	}
	r := &Redis{
		Process: newProcess(dir, name, path, append([]string{conf}, more...)...),
		Addr:    "127.0.0.1:" + strconv.Itoa(port), dir: data,
	}
	if r.clock, err = wallclock.New(context.Background(), dir, name); err == nil {
		r.env = r.clock.Env()
	}
	return r, nil
}

// MoveClock makes the server's wall clock ahead of the machine's by so much, behind it where
// that is negative.
func (r *Redis) MoveClock(ahead time.Duration) error {
	if r.clock == nil {
		return errors.New("the wall clock of redis-server cannot be moved here: that needs Linux and a C compiler")
	}
	return r.clock.Move(ahead)
}

// Do runs one command at the server, past every link.
func (r *Redis) Do(ctx context.Context, args ...any) (any, error) {
	c := redis.NewClient(
		&redis.Options{Addr: r.Addr, Username: operator, Password: operator, MaxRetries: -1, DisableIdentity: true},
	)
	defer c.Close()
	return c.Do(ctx, args...).Result()
}

// ForgetFiles deletes what it has written to disk. The process must not run.
func (r *Redis) ForgetFiles() error {
	return errors.Join(os.RemoveAll(filepath.Join(r.dir, "appendonlydir")),
		os.RemoveAll(filepath.Join(r.dir, "dump.rdb")))
}

// Serves asks without the Redis client, which would log every refused connection.
func (r *Redis) Serves() error {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("AUTH operator operator\r\nPING\r\n")); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	answer, err := in.ReadString('\n')
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

// newNodes are the nodes of one cluster, with three ports each and deploy/nats.conf; a
// single one is no cluster.
func newNodes(dir, program string, ports []int) ([]*Node, error) {
	n := len(ports) / 3
	var routes []string
	for _, port := range ports[2*n:] {
		routes = append(routes, "127.0.0.1:"+strconv.Itoa(port))
	}
	nodes := make([]*Node, n)
	for i := range nodes {
		name := fmt.Sprintf("nats-%d", i+1)
		o := deployfiles.NATS{
			Name: name, Port: ports[i], HTTP: ports[n+i], Dir: filepath.Join(dir, name), Operator: operator,
		}
		if n > 1 {
			o.Cluster, o.Routes = ports[2*n+i], routes
		}
		conf := filepath.Join(dir, name+".conf")
		if err := o.Write(conf); err != nil {
			return nil, err
		}
		nodes[i] = &Node{
			Process: newProcess(dir, name, program, "-c", conf),
			Addr:    "127.0.0.1:" + strconv.Itoa(ports[i]), dir: filepath.Join(dir, name),
		}
		nodes[i].env = []string{"NATS_PUBLISHER_PASSWORD=publisher-password", "NATS_WORKER_PASSWORD=worker-password"}
	}
	return nodes, nil
}

// ports hands out ports of the loopback, each once. They lie below the ports that the system
// assigns to clients and to listeners on port 0, so that none is taken between being found and
// being used.
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
