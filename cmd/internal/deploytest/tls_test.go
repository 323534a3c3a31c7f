package deploytest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/deployfiles"
	"github.com/revocast/revocast/internal/wallclock"
	"github.com/revocast/revocast/token"
)

// withTLS has every program show a certificate to both stores.
func (s *site) withTLS(client deployfiles.TLS) {
	s.more = map[string]string{
		"REVOCAST_REDIS_CA": client.CA, "REVOCAST_REDIS_CERT": client.Cert, "REVOCAST_REDIS_KEY": client.Key,
		"REVOCAST_NATS_CA": client.CA, "REVOCAST_NATS_CERT": client.Cert, "REVOCAST_NATS_KEY": client.Key,
	}
	s.schemes("rediss://", "tls://")
}

// schemes says how the stores are dialled.
func (s *site) schemes(redis, nats string) {
	s.perProgram = nil
	urls := map[string]map[string]string{}
	for _, program := range []string{"publisher", "worker"} {
		env := s.environment(program)
		urls[program] = map[string]string{
			"REVOCAST_REDIS": strings.Replace(env["REVOCAST_REDIS"], "redis://", redis, 1),
			"REVOCAST_NATS":  strings.Replace(env["REVOCAST_NATS"], "nats://", nats, 1),
		}
	}
	s.perProgram = func(program string) map[string]string { return urls[program] }
}

// revoked revokes all that somebody has and wants every worker to confirm and to refuse,
// and somebody else to be let in.
func (s *site) revoked(principal string) {
	s.t.Helper()
	dead, good := s.bearer(principal), s.bearer("not-"+principal)
	s.eventually("a revocation is confirmed", func() error {
		r, err := s.publishers[0].Revoke(s.t.Context(),
			revocast.Revocation{Scope: revocast.ScopePrincipal, ID: principal})
		if err == nil && r.Workers.Confirmed != len(s.workers()) {
			err = fmt.Errorf("the receipt says %+v", r.Workers)
		}
		return err
	})
	s.answers(dead, http.StatusUnauthorized)
	s.answers(good, http.StatusOK)
}

func (s *site) bearer(principal string) string {
	s.t.Helper()
	issued, err := s.minter.Issue(token.Grant{Principal: principal})
	s.must(err)
	return issued.Token
}

// answers wants one of these answers of every worker.
func (s *site) answers(bearer string, want ...int) {
	s.t.Helper()
	for _, name := range s.workers() {
		status, body, err := s.get(s.t.Context(), "http://"+s.addrs[name]+"/check", bearer)
		if err != nil || !slices.Contains(want, status) {
			s.t.Errorf("%s answers %d, want %d: %v %s", name, status, want, err, body)
		}
	}
}

// TestTLSAsShipped: the TLS blocks of both files, uncommented, with client certificates.
// Then every certificate and the authority is another one: the programs, which go on
// running, take the new files for their new connections.
func TestTLSAsShipped(t *testing.T) {
	s := newSite(t)
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	serverDir, clientDir := t.TempDir(), t.TempDir()
	servers, client := first.issue(serverDir, "127.0.0.1"), first.issue(clientDir, "client")
	users, err := deployfiles.ComposeRedis(s.variables)
	s.must(err)
	s.redis = s.startRedis("redis", s.redisAddr, deployfiles.Redis{TLS: servers}, users...)
	s.startNATS(servers)
	s.withTLS(client)
	s.startPrograms("--lease", "500ms")
	s.revoked("alice")

	second.issue(serverDir, "127.0.0.1")
	second.issue(clientDir, "client")
	for _, p := range []*process{s.redis, s.nats} {
		s.must(p.stop(syscall.SIGTERM))
		s.must(p.start())
	}
	s.ready()
	s.revoked("bob")
	if live := s.audited(); live < 2 {
		t.Errorf("%d revocations are live, want both", live)
	}

	// The old authority's certificates are let in nowhere, and a plain URL with
	// certificates is refused rather than used without TLS.
	old := first.issue(t.TempDir(), "client")
	s.more["REVOCAST_REDIS_CA"] = old.CA
	if out, err := s.run("audit"); err == nil {
		t.Errorf("a server is trusted that another authority signed: %s", out)
	}
	s.withTLS(client)
	s.schemes("redis://", "tls://")
	if out, err := s.run("audit"); err == nil || !strings.Contains(err.Error(), "rediss://") {
		t.Errorf("certificates and a plain URL: %s %v", out, err)
	}
}

const sentinelConf = `bind 127.0.0.1
port 0
tls-port %[1]d
tls-auth-clients yes
tls-replication yes
tls-cert-file %[2]s
tls-key-file %[3]s
tls-ca-cert-file %[4]s
dir %[5]s
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel monitor revocast 127.0.0.1 %[6]d 1
sentinel auth-user revocast sentinel
sentinel auth-pass revocast sentinel-password
sentinel failover-timeout revocast 5000
user default off
user revocast on >at-the-sentinels allchannels -@all +@connection +subscribe +ping ` +
	`+sentinel|get-master-addr-by-name +sentinel|sentinels +sentinel|replicas
user operator on >operator allchannels +@all
`

// TestSentinelFailover: a primary and a replica with a certificate each, and a Sentinel
// with users of its own, all with the users of redis.conf. The replica is promoted, and
// then restarted: nothing is lost.
func TestSentinelFailover(t *testing.T) {
	s := newSite(t)
	ca := newAuthority(t, "one")
	sentinel, replicaAddr := freeAddr(t), freeAddr(t)
	passwords := map[string]string{
		"publisher": s.variables["REDIS_PUBLISHER_PASSWORD"], "worker": s.variables["REDIS_WORKER_PASSWORD"],
		"replica": "replica-password", "sentinel": "sentinel-password",
	}
	// The one is known as 127.0.0.1, the other as localhost, and no certificate is for both.
	of := map[string]deployfiles.TLS{}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		of[host] = ca.issue(t.TempDir(), host)
	}
	more := func(host string) string {
		return "user operator on >operator ~* &* +@all\nrepl-diskless-sync-delay 0\nreplica-announce-ip " + host + "\n"
	}
	s.redis = s.startRedis("primary", s.redisAddr, deployfiles.Redis{
		Passwords: passwords, MinReplicas: true, TLS: of["127.0.0.1"], More: more("127.0.0.1"),
	})
	clock, err := wallclock.New(t.Context(), t.TempDir(), "replica")
	s.must(err)
	s.redisEnv = make(map[string]string)
	for _, v := range clock.Env() {
		name, value, _ := strings.Cut(v, "=")
		s.redisEnv[name] = value
	}
	replica := s.startRedis("replica", replicaAddr, deployfiles.Redis{
		Passwords: passwords, MinReplicas: true, TLS: of["localhost"],
		More: more("localhost") + fmt.Sprintf("replicaof 127.0.0.1 %d\n", portOf(s.redisAddr)),
	})
	dir := t.TempDir()
	files := ca.issue(dir, "127.0.0.1")
	conf := filepath.Join(dir, "sentinel.conf")
	s.must(os.WriteFile(conf, fmt.Appendf(
		nil, sentinelConf, portOf(sentinel), files.Cert, files.Key, files.CA, dir, portOf(s.redisAddr),
	), 0o600))
	newProcess(t, "sentinel", nil, "redis-server", conf, "--sentinel")
	s.listening(sentinel)
	s.startNATS(deployfiles.TLS{})

	client := ca.issue(t.TempDir(), "client")
	s.more = map[string]string{
		"REVOCAST_REDIS_CA": client.CA, "REVOCAST_REDIS_CERT": client.Cert, "REVOCAST_REDIS_KEY": client.Key,
		"REVOCAST_SENTINEL_USER": "revocast", "REVOCAST_SENTINEL_PASSWORD": "at-the-sentinels",
	}
	users := map[string]string{}
	for _, program := range []string{"publisher", "worker"} {
		users[program] = fmt.Sprintf("rediss://%s:%s@%s/0?master_name=revocast", program, passwords[program], sentinel)
	}
	s.perProgram = func(program string) map[string]string { return map[string]string{"REVOCAST_REDIS": users[program]} }
	s.startPrograms("--lease", "500ms", "--fence", "3s")
	alice := s.bearer("alice")
	s.revoked("alice")

	// The replica's clock is an hour off. The Sentinel knows the replica once it has asked the primary.
	s.must(clock.Move(time.Hour))
	s.eventually("the Sentinel promotes the replica", func() error {
		return s.operate(client, sentinel, "SENTINEL", "FAILOVER", "revocast")
	})
	promoted := "localhost:" + fmt.Sprint(portOf(replicaAddr))
	s.eventually("the replica is the primary", func() error { return s.isPrimary(client, promoted) })
	// A Sentinel would make the old primary follow after ten seconds.
	s.must(s.operate(client, s.redisAddr, "REPLICAOF", "localhost", fmt.Sprint(portOf(replicaAddr))))
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); { // ten leases
		s.answers(alice, http.StatusUnauthorized, http.StatusServiceUnavailable)
	}
	s.must(clock.Move(0))
	s.ready()
	s.answers(alice, http.StatusUnauthorized)
	s.revoked("bob")

	s.must(replica.stop(syscall.SIGTERM))
	s.must(replica.start())
	s.ready()
	s.revoked("carol")
	if live := s.audited(); live < 3 {
		t.Errorf("%d revocations are live, want three", live)
	}
}

// operate runs a command as the operator of a server or a Sentinel.
func (s *site) operate(files deployfiles.TLS, addr string, args ...string) error {
	_, err := s.operator(files, addr, args...)
	return err
}

func (s *site) operator(files deployfiles.TLS, addr string, args ...string) (any, error) {
	config, err := files.Config()
	if err != nil {
		return nil, err
	}
	config.ServerName, _, _ = net.SplitHostPort(addr)
	c := redis.NewClient(&redis.Options{
		Addr: addr, Username: "operator", Password: "operator", TLSConfig: config, Protocol: 2, DisableIdentity: true,
		MaxRetries: -1,
	})
	defer c.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Second)
	defer cancel()
	words := make([]any, len(args))
	for i, w := range args {
		words[i] = w
	}
	return c.Do(ctx, words...).Result()
}

func (s *site) isPrimary(files deployfiles.TLS, addr string) error {
	text, err := s.operator(files, addr, "INFO", "replication")
	if err == nil && !strings.Contains(fmt.Sprint(text), "role:master") {
		err = fmt.Errorf("it says %s", text)
	}
	return err
}
