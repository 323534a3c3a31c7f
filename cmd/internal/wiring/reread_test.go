package wiring

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestServerCertificateIsReadAgain: new connections see a renewed certificate, also one of
// another authority; one that cannot be used is said once, and the one before stays.
func TestServerCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	first, second := newAuthority(t, t.TempDir()), newAuthority(t, t.TempDir())
	files := TLSFlags{
		TLSCert: filepath.Join(dir, "cert"), TLSKey: filepath.Join(dir, "key"), TLSClientCA: filepath.Join(dir, "ca"),
	}
	install := func(a *authority) {
		cert, key := a.issue(t, "server")
		copyTo(t, cert, files.TLSCert)
		copyTo(t, key, files.TLSKey)
		copyTo(t, a.file, files.TLSClientCA)
	}
	install(first)
	var log lockedLog
	config, err := files.Config(true, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "served") }),
		config)
	client := func(a *authority) *tls.Config {
		cert, key := a.issue(t, "client")
		c, err := clientConfig(a.file, cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	serves := func(a *authority, want bool) {
		t.Helper()
		body, err := get(t, "https://"+addr, client(a))
		if (err == nil && body == "served") != want {
			t.Errorf("served %q, %v; want it served: %v", body, err, want)
		}
	}
	serves(first, true)
	serves(second, false)

	if err := os.WriteFile(files.TLSCert, []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	serves(first, true)
	serves(first, true)
	if err := os.Remove(files.TLSKey); err != nil {
		t.Fatal(err)
	}
	serves(first, true)
	if n := strings.Count(log.String(), "cannot be used"); n != 2 {
		t.Errorf("%d complaints about two files: %s", n, log.String())
	}

	install(second)
	serves(second, true)
	serves(first, false)
	if !strings.Contains(log.String(), "counts from now on") {
		t.Errorf("nothing is said of the renewal: %s", log.String())
	}
}

// TestClientFilesAreReadAgain: a command that runs on, as `publisher watch` does, connects
// again after the authority and its own certificate were replaced, and keeps a connection
// while nothing was.
func TestClientFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	first, second := newAuthority(t, t.TempDir()), newAuthority(t, t.TempDir())
	server := TLSFlags{
		TLSCert: filepath.Join(dir, "cert"), TLSKey: filepath.Join(dir, "key"), TLSClientCA: filepath.Join(dir, "ca"),
	}
	flags := ClientTLSFlags{
		CA: server.TLSClientCA, Cert: filepath.Join(dir, "client"), Key: filepath.Join(dir, "client-key"),
	}
	install := func(a *authority) {
		cert, key := a.issue(t, "server")
		copyTo(t, cert, server.TLSCert)
		copyTo(t, key, server.TLSKey)
		copyTo(t, a.file, server.TLSClientCA)
		cert, key = a.issue(t, "client")
		copyTo(t, cert, flags.Cert)
		copyTo(t, key, flags.Key)
	}
	install(first)
	config, err := server.Config(true, silent)
	if err != nil {
		t.Fatal(err)
	}
	from := make(chan string, 3)
	addr := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { from <- r.RemoteAddr }), config)
	transport, err := flags.Transport()
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	ask := func() (connection string) {
		t.Helper()
		resp, err := client.Get("https://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return <-from
	}
	before := ask()
	if again := ask(); again != before {
		t.Error("each request has a connection of its own")
	}
	install(second)
	if ask() == before {
		t.Error("the connection of the old files is used on")
	}
}

// TestCertificateAndKeyAreOne: between the renewals of the two files the old pair stays.
func TestCertificateAndKeyAreOne(t *testing.T) {
	dir := t.TempDir()
	a := newAuthority(t, t.TempDir())
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	oldCert, oldKey := a.issue(t, "old")
	copyTo(t, oldCert, cert)
	copyTo(t, oldKey, key)
	w, err := watchPair(silent, "--cert", cert, key)
	if err != nil {
		t.Fatal(err)
	}
	before := w.get()
	newCert, newKey := a.issue(t, "new")
	copyTo(t, newCert, cert)
	if w.get() != before {
		t.Error("a certificate counts without its key")
	}
	copyTo(t, newKey, key)
	if w.get() == before {
		t.Error("the renewed pair does not count")
	}
}

func TestClientFilesAreRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct{ ca, cert, key, says string }{
		{ca: empty, says: "--redis-ca"},
		{ca: "/nowhere/at.all", says: "--redis-ca"},
		{cert: empty, key: empty, says: "--redis-cert, --redis-key"},
		{cert: empty, says: "--redis-cert and --redis-key go together"},
		{key: empty, says: "--redis-cert and --redis-key go together"},
	} {
		if _, err := clientTLS(nil, "redis-", f.ca, f.cert, f.key); err == nil ||
			!strings.Contains(err.Error(), f.says) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lockedLog is a log that is read while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
