package deploytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/deployfiles"
	"github.com/revocast/revocast/internal/freeport"
	"github.com/revocast/revocast/internal/program"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
)

const (
	issuerName = "https://issuer.example"
	apiToken   = "operator-token-of-the-tests"
)

// site is what compose.yaml describes, on this machine: its servers with the shipped
// files and users, and its programs with the shipped arguments and environment. Only
// addresses, folders and passwords differ.
type site struct {
	t         *testing.T
	whole     *testing.T        // the test that t is a part of, or t
	variables map[string]string // of env.example
	redisAddr string
	natsAddr  string
	more      map[string]string // environment of every program, over what compose.yaml says
	minter    *token.Issuer
	// perProgram, if set, is what is over that, for publishers and workers each.
	perProgram func(program string) map[string]string
	http       *http.Client

	redis, nats *process
	redisEnv    map[string]string // environment of the next redis-server
	programs    map[string]*process
	addrs       map[string]string // of the programs

	publishers []*client.Client
}

// namesSecret is what the site's names are hashed with.
var namesSecret = strings.Repeat("5e", names.MinSecret)

func newSite(t *testing.T) *site {
	t.Helper()
	storetest.Redis(t).Kill() // leaves the test out where there is no redis-server
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	s := &site{
		t: t, whole: t, http: &http.Client{Transport: transport, Timeout: patience},
		redisAddr: freeAddr(t), natsAddr: freeAddr(t),
		programs: map[string]*process{}, addrs: map[string]string{},
		variables: map[string]string{
			"NATS_PUBLISHER_PASSWORD": "nats-publisher", "NATS_WORKER_PASSWORD": "nats-worker",
			"REDIS_PUBLISHER_PASSWORD": "redis-publisher", "REDIS_WORKER_PASSWORD": "redis-worker",
			"REVOCAST_API_TOKEN": apiToken, "REVOCAST_ISSUER": issuerName,
			"REVOCAST_AUDIENCE": "orders", "REVOCAST_NAMES_SECRET": namesSecret,
		},
	}
	s.makeIssuer()
	return s
}

func (s *site) makeIssuer() {
	s.t.Helper()
	key, err := token.NewSigningKey()
	s.must(err)
	s.minter, err = token.NewIssuer(issuerName, key, token.IssuerOptions{TTL: time.Hour, Audiences: []string{"orders"}})
	s.must(err)
	set, err := s.minter.JWKS()
	s.must(err)
	file := filepath.Join(s.t.TempDir(), "jwks.json")
	s.must(os.WriteFile(file, set, 0o600))
	s.variables["REVOCAST_JWKS"] = file
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return freeport.Addr(port)
}

func portOf(addr string) (port int) {
	_, text, _ := strings.Cut(addr, ":")
	_, _ = fmt.Sscan(text, &port)
	return port
}

// startServers starts Redis with the users of compose.yaml, and NATS.
func (s *site) startServers() {
	s.t.Helper()
	users, err := deployfiles.ComposeRedis(s.variables)
	s.must(err)
	s.redis = s.startRedis("redis", s.redisAddr, deployfiles.Redis{}, users...)
	s.startNATS(deployfiles.TLS{})
}

func (s *site) startRedis(name, addr string, o deployfiles.Redis, more ...string) *process {
	s.t.Helper()
	o.Port, o.Dir = portOf(addr), s.t.TempDir()
	conf := filepath.Join(o.Dir, "redis.conf")
	s.must(o.Write(conf))
	p := newProcess(s.t, name, s.redisEnv, append([]string{"redis-server", conf}, more...)...)
	s.listening(addr)
	return p
}

func (s *site) startNATS(files deployfiles.TLS) {
	s.t.Helper()
	dir := s.t.TempDir()
	conf := filepath.Join(dir, "nats.conf")
	s.must(deployfiles.NATS{
		Name: "revocast-1", Port: portOf(s.natsAddr), HTTP: portOf(freeAddr(s.t)), Dir: dir, TLS: files,
	}.Write(conf))
	path, err := program.NATSServer()
	s.must(err)
	s.nats = newProcess(s.t, "nats", s.variables, path, "-c", conf)
	s.listening(s.natsAddr)
}

func (s *site) listening(addr string) {
	s.t.Helper()
	s.eventually("it listens on "+addr, func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// eventually waits until f succeeds.
func (s *site) eventually(what string, f func() error) {
	s.t.Helper()
	limit, step := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
	defer limit.Stop()
	defer step.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-step.C:
		case <-limit.C:
			s.t.Fatalf("%s: %v", what, err)
		}
	}
}

// environment is a program's in compose.yaml, with the servers where they are here.
func (s *site) environment(program string) map[string]string {
	s.t.Helper()
	env, err := deployfiles.Environment(program, s.variables)
	s.must(err)
	for name, value := range env {
		value = strings.ReplaceAll(value, "nats:4222", s.natsAddr)
		env[name] = strings.ReplaceAll(value, "redis:6379", s.redisAddr)
	}
	maps.Copy(env, s.more)
	if s.perProgram != nil {
		maps.Copy(env, s.perProgram(program))
	}
	return env
}

// startPrograms makes the realm and starts every program, as compose.yaml has them. init
// gets more arguments.
func (s *site) startPrograms(more ...string) {
	s.t.Helper()
	services := composeServices(s.t)
	s.eventually("publisher init", func() error {
		_, err := s.run(append(expand(services["init"].Command, s.variables), more...)...)
		return err
	})
	for _, name := range slices.Sorted(maps.Keys(services)) {
		program, _, _ := strings.Cut(name, "-")
		command := map[string]string{"publisher": "publisher", "worker": "subscriber"}[program]
		if command == "" {
			continue
		}
		addr := freeAddr(s.t)
		args := expand(services[name].Command, s.variables)
		for i, word := range args {
			if i > 0 && args[i-1] == "--listen" && strings.HasPrefix(word, ":") {
				args[i] = addr
			}
		}
		s.addrs[name] = addr
		s.programs[name] = newProcess(s.t, name, s.environment(program), append([]string{command}, args...)...)
		if program == "publisher" {
			c, err := client.New("http://"+addr,
				client.Options{Token: apiToken, HTTP: s.http, Retries: client.NoRetries})
			s.must(err)
			s.publishers = append(s.publishers, c)
		}
	}
	s.ready()
}

func expand(words []string, variables map[string]string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = deployfiles.Expand(w, variables)
	}
	return out
}

// ready waits until every program is.
func (s *site) ready() {
	s.t.Helper()
	for name, addr := range s.addrs {
		s.eventually(name+" is ready", func() error {
			status, body, err := s.get(s.t.Context(), "http://"+addr+"/readyz", "")
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("%s answers %d: %s", name, status, body)
			}
			return err
		})
	}
}

func (s *site) get(ctx context.Context, url, bearer string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// workers are the names of the workers.
func (s *site) workers() (names []string) {
	for name := range s.addrs {
		if strings.HasPrefix(name, "worker") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// run runs a publisher's command under the publishers' environment.
func (s *site) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "publisher", args...)
	cmd.Env = environ(s.environment("publisher"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("publisher %s: %w: %s%s", strings.Join(args, " "), err, out.String(),
			errs.String())
	}
	return out.String(), nil
}

// audited waits until `publisher audit` finds the stores equal, and returns how many
// revocations are live in Redis.
func (s *site) audited() (live int) {
	s.t.Helper()
	s.eventually("publisher audit finds the stores equal", func() error {
		text, err := s.run("audit", "--json")
		if err != nil {
			return err
		}
		var report struct {
			Equal bool
			Redis int
		}
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			return err
		}
		if !report.Equal {
			return fmt.Errorf("the audit says %s", text)
		}
		live = report.Redis
		return nil
	})
	return live
}

// terms are what `publisher terms` prints of them.
func (s *site) terms() map[string]any {
	s.t.Helper()
	all := map[string]any{}
	s.eventually("publisher terms", func() error {
		text, err := s.run("terms", "--json")
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &all)
	})
	for _, changing := range []string{"position", "took_ms", "settled", "state"} {
		delete(all, changing)
	}
	return all
}
