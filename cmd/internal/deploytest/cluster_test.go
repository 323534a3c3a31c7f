package deploytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/revocast/revocast/internal/deployfiles"
)

// node is one server of a Redis Cluster, on an address of its own.
type node struct {
	host, addr string
	bus        int    // the port on which nodes talk
	dir        string // of its certificate
}

// startCluster starts three nodes with the shipped file, each with a certificate for its own
// address alone. The last one holds the realm.
func (s *site) startCluster(ca *authority, client deployfiles.TLS) []*node {
	s.t.Helper()
	var nodes []*node
	for i := range 3 {
		n := &node{host: fmt.Sprintf("127.0.0.%d", i+1), bus: portOf(freeAddr(s.t)), dir: s.t.TempDir()}
		n.addr = fmt.Sprintf("%s:%d", n.host, portOf(freeAddr(s.t)))
		more := fmt.Sprintf("bind %[1]s\ncluster-announce-ip %[1]s\ncluster-enabled yes\ncluster-port %[2]d\n", n.host,
			n.bus) +
			"user operator on >operator ~* &* +@all\n"
		s.startRedis("node "+n.host, n.addr, deployfiles.Redis{
			Passwords: map[string]string{
				"publisher": s.variables["REDIS_PUBLISHER_PASSWORD"], "worker": s.variables["REDIS_WORKER_PASSWORD"],
			},
			TLS: ca.issue(n.dir, n.host), More: more,
		})
		nodes = append(nodes, n)
	}
	first := nodes[0].addr
	for _, n := range nodes[1:] {
		s.must(s.operate(client, first, "CLUSTER", "MEET", n.host, fmt.Sprint(portOf(n.addr)), fmt.Sprint(n.bus)))
	}
	slot, err := s.operator(client, first, "CLUSTER", "KEYSLOT", "{rv:default}")
	s.must(err)
	realm := slot.(int64)
	for i, slots := range [][2]int64{{0, realm - 1}, {realm + 1, 16383}, {realm, realm}} {
		s.must(s.operate(client, nodes[i].addr, "CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(slots[0]), fmt.Sprint(slots[1])))
	}
	s.eventually("the cluster is up", func() error {
		for _, n := range nodes {
			text, err := s.operator(client, n.addr, "CLUSTER", "INFO")
			if err != nil {
				return err
			}
			if !strings.Contains(fmt.Sprint(text), "cluster_state:ok") {
				return fmt.Errorf("%s: %s", n.addr, text)
			}
		}
		return nil
	})
	return nodes
}

// TestClusterOfCertificates: a Redis Cluster with the shipped file and users, whose nodes
// have a certificate each. The programs are told of two nodes and find the one that holds the
// realm. Then all certificates and the authority are other ones, while everything runs.
func TestClusterOfCertificates(t *testing.T) {
	s := newSite(t)
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	clientDir := t.TempDir()
	client := first.issue(clientDir, "client")
	nodes := s.startCluster(first, client)
	s.startNATS(deployfiles.TLS{})
	s.more = map[string]string{
		"REVOCAST_REDIS_CA": client.CA, "REVOCAST_REDIS_CERT": client.Cert, "REVOCAST_REDIS_KEY": client.Key,
	}
	s.perProgram = func(program string) map[string]string {
		password := s.variables["REDIS_"+strings.ToUpper(program)+"_PASSWORD"]
		return map[string]string{
			"REVOCAST_REDIS": fmt.Sprintf("rediss://%s:%s@%s,%s", program, password, nodes[0].addr, nodes[1].addr),
		}
	}
	s.startPrograms("--lease", "500ms")
	s.revoked("alice")

	for _, n := range nodes {
		files := second.issue(n.dir, n.host)
		s.must(
			s.operate(client, n.addr, "CONFIG", "SET", "tls-cert-file", files.Cert, "tls-key-file",
				files.Key, "tls-ca-cert-file", files.CA),
		)
	}
	second.issue(clientDir, "client")
	for _, n := range nodes {
		s.must(s.operate(client, n.addr, "CLIENT", "KILL", "TYPE", "normal"))
	}
	s.ready()
	s.revoked("bob")
	if live := s.audited(); live < 2 {
		t.Errorf("%d revocations are live, want both", live)
	}

	// A node with another node's certificate is refused, no matter which authority signed it.
	files := second.issue(t.TempDir(), nodes[0].host)
	s.must(s.operate(client, nodes[2].addr, "CONFIG", "SET", "tls-cert-file", files.Cert, "tls-key-file", files.Key))
	if out, err := s.run("audit"); err == nil ||
		!strings.Contains(err.Error(), "certificate is valid for "+nodes[0].host) {
		t.Errorf("the certificate of another node: %s %v", out, err)
	}
}
