package wiring

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLSFlags make a listener speak TLS.
type TLSFlags struct {
	TLSCert     string `name:"tls-cert" type:"path" placeholder:"FILE" help:"Certificate chain in PEM; with --tls-key the listener speaks TLS. Default: plain HTTP."`
	TLSKey      string `name:"tls-key" type:"path" placeholder:"FILE" help:"Private key in PEM for --tls-cert."`
	TLSClientCA string `name:"tls-client-ca" type:"path" placeholder:"FILE" help:"Authorities in PEM whose client certificates are asked for. Default: none are."`
}

// Config returns nil if no flag is set. required says that a client without a
// certificate is turned away already by the handshake.
func (f *TLSFlags) Config(required bool) (*tls.Config, error) {
	if f.TLSCert == "" && f.TLSKey == "" {
		if f.TLSClientCA != "" {
			return nil, Usage("--tls-client-ca needs --tls-cert and --tls-key")
		}
		return nil, nil
	}
	if f.TLSCert == "" || f.TLSKey == "" {
		return nil, Usage("--tls-cert and --tls-key go together")
	}
	cert, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if f.TLSClientCA == "" {
		return c, nil
	}
	if c.ClientCAs, err = loadPool(f.TLSClientCA); err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	if required {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

func loadPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", file)
	}
	return pool, nil
}

// ClientTLSFlags are for calling a service that speaks TLS.
type ClientTLSFlags struct {
	CA   string `name:"ca" type:"path" placeholder:"FILE" help:"Authorities in PEM that sign the service's certificate. Default: the system's."`
	Cert string `name:"cert" type:"path" placeholder:"FILE" help:"Client certificate in PEM. Default: none."`
	Key  string `name:"key" type:"path" placeholder:"FILE" help:"Private key in PEM for --cert."`
}

// Config returns nil where the URL alone decides.
func (f *ClientTLSFlags) Config() (*tls.Config, error) { return clientTLS("", f.CA, f.Cert, f.Key) }

// clientTLS makes a client's configuration from the three files, whose flags begin
// with prefix. It returns nil if none is given.
func clientTLS(prefix, ca, cert, key string) (*tls.Config, error) {
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pool, err := loadPool(ca)
		if err != nil {
			return nil, fmt.Errorf("--%sca: %w", prefix, err)
		}
		c.RootCAs = pool
	}
	if cert == "" && key == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("--%[1]scert, --%[1]skey: %[2]w", prefix, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
