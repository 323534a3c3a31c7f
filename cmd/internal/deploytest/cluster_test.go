package deploytest

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/revocast/revocast/internal/deployfiles"
)

// node is one server of a Redis Cluster, on an address of its own.
type node struct {
	host, addr string
	bus        int // the port on which nodes talk
	id         string
	dir        string // of its certificate
	*process
}

// startCluster starts nodes with the shipped file, each with a certificate for its own
// address alone: three that share the slots, and one that follows the one of them that holds
// the realm, which comes last but one.
func (s *site) startCluster(ca *authority, client deployfiles.TLS) []*node {
	s.t.Helper()
	var nodes []*node
	for i := range 4 {
		n := &node{host: fmt.Sprintf("127.0.0.%d", i+1), bus: portOf(freeAddr(s.t)), dir: s.t.TempDir()}
		n.addr = fmt.Sprintf("%s:%d", n.host, portOf(freeAddr(s.t)))
		more := fmt.Sprintf("bind %[1]s\ncluster-announce-ip %[1]s\ncluster-enabled yes\ncluster-port %[2]d\ncluster-node-timeout 5000\nrepl-diskless-sync-delay 0\n"+
			"user operator on >operator ~* &* +@all\n", n.host, n.bus)
		n.process = s.startRedis(fmt.Sprintf("node %d", i+1), n.addr, deployfiles.Redis{
			Passwords: map[string]string{
				"publisher": s.variables["REDIS_PUBLISHER_PASSWORD"], "worker": s.variables["REDIS_WORKER_PASSWORD"], "replica": "replica-password",
			},
			MinReplicas: true, TLS: ca.issue(n.dir, n.host), More: more,
		})
		id, err := s.operator(client, n.addr, "CLUSTER", "MYID")
		s.must(err)
		n.id = id.(string)
		nodes = append(nodes, n)
	}
	first := nodes[0].addr
	for _, n := range nodes[1:] {
		s.must(s.operate(client, first, "CLUSTER", "MEET", n.host, fmt.Sprint(portOf(n.addr)), fmt.Sprint(n.bus)))
	}
	slot, err := s.operator(client, first, "CLUSTER", "KEYSLOT", "{rv:default}")
	s.must(err)
	realm := slot.(int64)
	for n, ranges := range map[*node][]any{
		nodes[0]: {0, realm - 1}, nodes[1]: {realm + 1, 16383}, nodes[2]: {realm, realm},
	} {
		s.must(s.operate(client, n.addr, append([]string{"CLUSTER", "ADDSLOTSRANGE"}, strings.Fields(fmt.Sprint(ranges...))...)...))
	}
	s.eventually("the last node follows the one that holds the realm", func() error {
		return s.operate(client, nodes[3].addr, "CLUSTER", "REPLICATE", nodes[2].id)
	})
	s.eventually("the cluster is up", func() error {
		for _, n := range nodes {
			text, err := s.operator(client, n.addr, "CLUSTER", "INFO")
			if err == nil && !strings.Contains(fmt.Sprint(text), "cluster_state:ok") {
				err = fmt.Errorf("%s: %s", n.name, text)
			}
			if err != nil {
				return err
			}
		}
		text, err := s.operator(client, nodes[3].addr, "INFO", "replication")
		if err == nil && !strings.Contains(fmt.Sprint(text), "master_link_status:up") {
			err = fmt.Errorf("the last node: %s", text)
		}
		return err
	})
	return nodes
}

// TestClusterOfCertificates: a Redis Cluster with the shipped file and users, whose nodes
// have a certificate each. The programs know the first node alone, are sent to the one that
// holds the realm, and to the one that takes over. Then all certificates and the authority
// are other ones.
func TestClusterOfCertificates(t *testing.T) {
	s := newSite(t)
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	clientDir := t.TempDir()
	client := first.issue(clientDir, "client")
	nodes := s.startCluster(first, client)
	s.startNATS(deployfiles.TLS{})
	s.more = map[string]string{"REVOCAST_REDIS_CA": client.CA, "REVOCAST_REDIS_CERT": client.Cert, "REVOCAST_REDIS_KEY": client.Key}
	s.perProgram = func(program string) map[string]string {
		password := s.variables["REDIS_"+strings.ToUpper(program)+"_PASSWORD"]
		return map[string]string{"REVOCAST_REDIS": fmt.Sprintf("rediss://%s:%s@%s,%s", program, password, nodes[0].addr, nodes[1].addr)}
	}
	s.startPrograms("--lease", "500ms", "--fence", "3s")
	s.revoked("alice")

	s.eventually("the follower takes over", func() error {
		if err := s.operate(client, nodes[3].addr, "CLUSTER", "FAILOVER"); err != nil && !strings.Contains(err.Error(), "master") {
			return err
		}
		return s.isPrimary(client, nodes[3].addr)
	})
	s.revoked("bob")
	s.ready()

	for _, n := range nodes {
		second.issue(n.dir, n.host)
	}
	second.issue(clientDir, "client")
	for _, n := range nodes {
		s.must(n.stop(syscall.SIGTERM))
		s.must(n.start())
	}
	s.ready()
	s.revoked("carol")
	if live := s.audited(); live < 3 {
		t.Errorf("%d revocations are live, want three", live)
	}
}
