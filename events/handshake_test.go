package events_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
)

// selfSigned is the configuration of a server with a certificate for the loopback, and who trusts
// that.
func selfSigned(t *testing.T) (config string, trust *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, secret := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, secret: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("tls { cert_file: %q, key_file: %q, timeout: 2 }", cert, secret), pool
}

// TestRefusedHandshakeIsSaid: the library tells nobody why a server that answers is left
// again. The log says it once, however often it is tried, and only the loss of the
// connection is a reason to renew.
func TestRefusedHandshakeIsSaid(t *testing.T) {
	cert, right := selfSigned(t)
	_, wrong := selfSigned(t)
	ns := eventstest.NewServer(t, eventstest.WithConfig(cert))
	var out syncBuffer
	var trusted atomic.Pointer[x509.CertPool]
	var attempts atomic.Int64
	trusted.Store(right)
	logger := slog.New(slog.NewTextHandler(&out, nil))
	roots := func() (*x509.CertPool, error) {
		attempts.Add(1)
		return trusted.Load(), nil
	}
	nc, err := events.Connect(ns.URL(),
		events.ConnectOptions{Logger: logger, ReconnectWait: time.Millisecond, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	r, stop := eventstest.Tail(t, newBus(t, nc, "r", events.Options{Logger: logger}))
	eventstest.Await(t, "Ready", func() bool { return r.Readies() == 1 })
	trusted.Store(wrong)
	attempts.Store(0)
	ns.Restart()
	eventstest.Await(t, "the log to say why",
		func() bool { return strings.Contains(out.String(), "unknown authority") })
	eventstest.Await(t, "more attempts", func() bool { return attempts.Load() >= 20 })
	if n := strings.Count(out.String(), "unknown authority"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, out.String())
	}
	if n := len(r.Suspects()); n != 1 {
		t.Errorf("%d reasons to renew for one loss", n)
	}
	trusted.Store(right)
	eventstest.Await(t, "Ready again", func() bool { return r.Readies() == 2 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}
