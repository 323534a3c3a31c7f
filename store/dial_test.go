package store_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
)

// selfSigned is a certificate for one host.
func selfSigned(t *testing.T, host string) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{host},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses, template.DNSNames = []net.IP{ip}, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
}

// speaksTLS accepts connections and shows a certificate, until the test ends.
func speaksTLS(t *testing.T, c tls.Certificate) (port string) {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}})
	must(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).HandshakeContext(t.Context()) // the client says what it thinks of it
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-ended })
	_, port, err = net.SplitHostPort(ln.Addr().String())
	must(t, err)
	return port
}

// TestEachHostHasItsCertificate: a connection's certificate is compared with the host that it goes
// to, and not with the URL's first host or with none.
func TestEachHostHasItsCertificate(t *testing.T) {
	roots := x509.NewCertPool()
	port := map[string]string{}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		c, parsed := selfSigned(t, host)
		roots.AddCert(parsed)
		port[host] = speaksTLS(t, c)
	}
	asked := 0
	o := store.ClientOptions{TLS: func() (*tls.Config, error) {
		asked++
		return &tls.Config{RootCAs: roots, ServerName: "ignored"}, nil
	}}
	cluster, err := store.NewClientWith("rediss://elsewhere:1,b:2", o)
	must(t, err)
	defer cluster.Close()
	single, err := store.NewClientWith("rediss://elsewhere:1", o)
	must(t, err)
	defer single.Close()
	if c := cluster.(*redis.ClusterClient).Options().TLSConfig; c == nil || c.ServerName != "" {
		t.Errorf("the cluster's nodes are all to be %+v", c)
	}
	for _, dial := range []struct {
		host, port string
		good       bool
	}{
		{"127.0.0.1", port["127.0.0.1"], true},
		{"localhost", port["localhost"], true},
		{"localhost", port["127.0.0.1"], false},
		{"127.0.0.1", port["localhost"], false},
	} {
		dialers := map[string]func(context.Context, string, string) (net.Conn, error){
			"single":  single.(*redis.Client).Options().Dialer,
			"cluster": cluster.(*redis.ClusterClient).Options().Dialer,
		}
		for name, dialer := range dialers {
			conn, err := dialer(t.Context(), "tcp", net.JoinHostPort(dial.host, dial.port))
			if (err == nil) != dial.good {
				t.Errorf("%s: %s: %v, want it accepted: %v", name, dial.host, err, dial.good)
			}
			if err == nil {
				conn.Close()
			}
		}
	}
	if asked != 8 {
		t.Errorf("the configuration was asked for %d times, want once a connection", asked)
	}
}

// TestClientOptionsWithoutEffect: what could have no effect is an error.
func TestClientOptionsWithoutEffect(t *testing.T) {
	given := store.ClientOptions{TLS: func() (*tls.Config, error) { return &tls.Config{}, nil }}
	for url, o := range map[string]store.ClientOptions{
		"redis://h": given, "redis://a:1,b:2": given, "unix:///run/redis.sock": given,
		"rediss://h": {SentinelUser: "u"},
	} {
		if _, err := store.NewClientWith(url, o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", url, err)
		}
	}
}
