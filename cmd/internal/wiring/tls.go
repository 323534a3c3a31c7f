package wiring

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"slices"
	"sync"
)

// TLSFlags make a listener speak TLS.
type TLSFlags struct {
	TLSCert     string `name:"tls-cert" type:"path" placeholder:"FILE" help:"Certificate chain in PEM; with --tls-key the listener speaks TLS. Read again for each connection, so it may be renewed. Default: plain HTTP."`
	TLSKey      string `name:"tls-key" type:"path" placeholder:"FILE" help:"Private key in PEM for --tls-cert."`
	TLSClientCA string `name:"tls-client-ca" type:"path" placeholder:"FILE" help:"Authorities in PEM whose client certificates are asked for. Default: none are."`
}

// Config returns nil if no flag is set. required makes the handshake refuse a client without a
// certificate. The files are read again for each connection; logger hears of those that cannot be
// used.
func (f *TLSFlags) Config(required bool, logger *slog.Logger) (*tls.Config, error) {
	if f.TLSCert == "" && f.TLSKey == "" {
		if f.TLSClientCA != "" {
			return nil, Usage("--tls-client-ca needs --tls-cert and --tls-key")
		}
		return nil, nil
	}
	if f.TLSCert == "" || f.TLSKey == "" {
		return nil, Usage("--tls-cert and --tls-key go together")
	}
	pair, err := watchPair(logger, "--tls-cert, --tls-key", f.TLSCert, f.TLSKey)
	if err != nil {
		return nil, err
	}
	var pool *reread[*x509.CertPool]
	auth := tls.NoClientCert
	if f.TLSClientCA != "" {
		if pool, err = watchPool(logger, "--tls-client-ca", f.TLSClientCA); err != nil {
			return nil, err
		}
		auth = tls.VerifyClientCertIfGiven
		if required {
			auth = tls.RequireAndVerifyClientCert
		}
	}
	current := func() *tls.Config {
		c := &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
			Certificates: []tls.Certificate{*pair.get()}, ClientAuth: auth,
		}
		if pool != nil {
			c.ClientCAs = pool.get()
		}
		return c
	}
	c := current()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return current(), nil }
	return c, nil
}

// ClientTLSFlags are for calling a service that speaks TLS.
type ClientTLSFlags struct {
	CA   string `name:"ca" type:"path" placeholder:"FILE" help:"Authorities in PEM that sign the service's certificate. Read again for each connection, as the two below. Default: the system's."`
	Cert string `name:"cert" type:"path" placeholder:"FILE" help:"Client certificate in PEM. Default: none."`
	Key  string `name:"key" type:"path" placeholder:"FILE" help:"Private key in PEM for --cert."`
}

// Transport carries the requests of a client that may run for long: each new connection uses what
// the files hold by then. It is nil if no file is given.
func (f *ClientTLSFlags) Transport() (http.RoundTripper, error) {
	files, err := clientTLS(nil, "", f.CA, f.Cert, f.Key)
	if err != nil || files == nil {
		return nil, err
	}
	return &renewedTransport{files: files}, nil
}

// renewedTransport replaces its transport when the files are renewed.
type renewedTransport struct {
	files *clientFiles

	mu     sync.Mutex // guards what follows
	config *tls.Config
	now    *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (r *renewedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.current().RoundTrip(req)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls.
func (r *renewedTransport) CloseIdleConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		r.now.CloseIdleConnections()
	}
}

func (r *renewedTransport) current() *http.Transport {
	r.mu.Lock()
	defer r.mu.Unlock()
	config := r.files.config()
	if r.now != nil && sameFiles(r.config, config) {
		return r.now
	}
	if r.now != nil {
		r.now.CloseIdleConnections()
	}
	r.config = config
	r.now = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true}
	return r.now
}

// sameFiles reports whether two configurations are made of the same contents.
func sameFiles(a, b *tls.Config) bool {
	return a.RootCAs == b.RootCAs && slices.EqualFunc(a.Certificates, b.Certificates, func(x, y tls.Certificate) bool {
		return slices.EqualFunc(x.Certificate, y.Certificate, bytes.Equal)
	})
}

// clientFiles are what a client's TLS is made of, read again for each connection.
type clientFiles struct {
	roots *reread[*x509.CertPool]   // nil: the system's
	pair  *reread[*tls.Certificate] // nil: no certificate is shown
}

// clientTLS watches the three files, whose flags begin with prefix. It returns nil if none
// is given.
func clientTLS(logger *slog.Logger, prefix, ca, cert, key string) (*clientFiles, error) {
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	if (cert == "") != (key == "") {
		return nil, Usage("--%[1]scert and --%[1]skey go together", prefix)
	}
	f := &clientFiles{}
	var err error
	if ca != "" {
		if f.roots, err = watchPool(logger, "--"+prefix+"ca", ca); err != nil {
			return nil, err
		}
	}
	if cert != "" {
		if f.pair, err = watchPair(logger, "--"+prefix+"cert, --"+prefix+"key", cert, key); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// config is the configuration for one connection.
func (f *clientFiles) config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.roots != nil {
		c.RootCAs = f.roots.get()
	}
	if f.pair != nil {
		c.Certificates = []tls.Certificate{*f.pair.get()}
	}
	return c
}
