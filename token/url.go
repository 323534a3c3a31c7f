package token

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/revocast/revocast"
)

// JWKSURL is a source of public keys at a URL that serves a JWK Set. It is inert: [Source.Run]
// makes the first request immediately. Until a request has succeeded, every verification answers
// [revocast.ErrUnknown]. It fails with [revocast.ErrInvalid] on anything but https, and http on
// loopback, unless AllowHTTP says otherwise.
func JWKSURL(address string, o SourceOptions) (*Source, error) {
	o, err := o.withDefaults(5*time.Minute, 5*time.Second)
	if err != nil {
		return nil, err
	}
	if o.KeyID != "" {
		return nil, fmt.Errorf("%w: KeyID is for PEM and secret files; a JWK Set names its keys", revocast.ErrInvalid)
	}
	if err := checkURL(address, o.AllowHTTP); err != nil {
		return nil, err
	}
	s := newSource(address, o)
	s.parse = ParseJWKS
	client := o.Client
	if client == nil {
		client = newClient()
		s.close = client.CloseIdleConnections
	}
	s.read = func(ctx context.Context) ([]byte, error) { return fetch(ctx, client, address, o.MaxBytes) }
	return s, nil
}

func checkURL(address string, allowHTTP bool) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w: JWKS URL: %w", revocast.ErrInvalid, err)
	}
	switch {
	case u.Host == "":
		return fmt.Errorf("%w: JWKS URL %q has no host", revocast.ErrInvalid, clip(address))
	case u.User != nil:
		return fmt.Errorf("%w: JWKS URL with a password in it would end up in logs", revocast.ErrInvalid)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (allowHTTP || isLoopback(u.Hostname())):
		return nil
	}
	return fmt.Errorf("%w: JWKS URL %q is not https: anyone on the way could forge every token",
		revocast.ErrInvalid, clip(address))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newClient has a connection pool of its own, which ends with the source. One
// connection is enough and none is worth keeping for minutes.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConns: 1, IdleConnTimeout: 10 * time.Second,
		},
		CheckRedirect: checkRedirect,
	}
}

func checkRedirect(to *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("more than three redirects")
	}
	if from := via[len(via)-1]; from.URL.Scheme == "https" && to.URL.Scheme != "https" {
		return errors.New("redirect from https to " + to.URL.Scheme)
	}
	return nil
}

// fetch gets a document of at most limit bytes.
func fetch(ctx context.Context, client *http.Client, address string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", response.Status)
	}
	return readLimited(response.Body, limit)
}
