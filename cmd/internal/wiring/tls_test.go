package wiring

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/serving"
)

var silent = slog.New(slog.DiscardHandler)

// serve runs a server until the test ends.
func serve(t *testing.T, h http.Handler, config *tls.Config) (addr string) {
	t.Helper()
	ln, err := Listen(t.Context(), "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serving.NewHTTPServer(ln, h, config, silent)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		s.Drain(nil)
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// get asks over a connection of its own and returns the body.
func get(t *testing.T, url string, config *tls.Config) (string, error) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestTLS: with --tls-client-ca a client shows a certificate of that authority, or is
// turned away where one is required.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	cert, key := ca.issue(t, "server")
	f := TLSFlags{TLSCert: cert, TLSKey: key, TLSClientCA: ca.file}
	who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.VerifiedChains) > 0 {
			io.WriteString(w, r.TLS.VerifiedChains[0][0].Subject.CommonName)
		}
	})
	clientCert, clientKey := ca.issue(t, "operator")
	known, err := clientConfig(ca.file, clientCert, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := clientConfig(ca.file, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, required := range []bool{false, true} {
		config, err := f.Config(required, silent)
		if err != nil {
			t.Fatal(err)
		}
		addr := serve(t, who, config)
		if body, err := get(t, "https://"+addr, known.Clone()); err != nil || body != "operator" {
			t.Errorf("required %v, with a certificate: %q, %v", required, body, err)
		}
		if body, err := get(t, "https://"+addr, unknown.Clone()); (err != nil) != required || body != "" {
			t.Errorf("required %v, without: %q, %v", required, body, err)
		}
	}
}

func TestTLSUsage(t *testing.T) {
	for _, f := range []TLSFlags{{TLSCert: "a"}, {TLSKey: "a"}, {TLSClientCA: "a"}} {
		var usage usageError
		if _, err := f.Config(false, silent); !errors.As(err, &usage) {
			t.Errorf("%+v: %v, want a usage error", f, err)
		}
	}
	if c, err := new(TLSFlags).Config(false, silent); c != nil || err != nil {
		t.Errorf("no flags: %v, %v", c, err)
	}
}

// authority signs certificates for one test.
type authority struct {
	dir, file string
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{dir: dir}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert, a.key = template, newKey(t)
	a.file = filepath.Join(dir, "ca.pem")
	der := a.sign(t, template, a.key)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a.cert = parsed
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

func (a *authority) issue(t *testing.T, name string) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	der := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, key)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+"-key.pem")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", private)
	return certFile, keyFile
}

func (a *authority) sign(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clientConfig holds what a client's files hold now.
func clientConfig(ca, cert, key string) (*tls.Config, error) {
	files, err := clientTLS(nil, "", ca, cert, key)
	if err != nil {
		return nil, err
	}
	return files.config(), nil
}
