package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// JWKS is a source of the JSON Web Key Set at an https:// URL (http:// on the loopback alone),
// or else in a file: [JWKSURL] and [JWKSFile] in one.
func JWKS(from string, o SourceOptions) (*Source, error) {
	if strings.HasPrefix(from, "https://") || strings.HasPrefix(from, "http://") {
		return JWKSURL(from, o)
	}
	return JWKSFile(from, o)
}

// For returns a verifier of the tokens that the source's one issuer has issued for a service, or
// for one of several: aud must name one of them. See [New] for everything else that a
// verifier can be told. Where a name is empty, what is returned accepts no token, and a realm
// makes no worker with it.
func (s *Source) For(issuer, audience string, more ...string) port.Verifier {
	audiences := append([]string{audience}, more...)
	o := Options{Issuers: []string{issuer}, Audiences: audiences}
	v, err := New(s, o)
	if err != nil || issuer == "" || slices.Contains(audiences, "") {
		return refusal{errors.Join(revocast.ErrInvalid, err, errors.New("an issuer and its audiences have names"))}
	}
	return v
}

// refusal stands for a verifier that could not be made.
type refusal struct{ err error }

func (r refusal) Verify(context.Context, string) (*revocast.Claims, error) {
	return nil, errors.Join(revocast.ErrUnknown, r.err)
}
func (r refusal) Run(context.Context) error { return r.err }
func (r refusal) Ready() error              { return r.err }
func (r refusal) Err() error                { return r.err }

// Run keeps the verifier's keys fresh until ctx ends: it runs each of its sources that has to be
// run. It returns nil when ctx ended, or the first error of a source.
func (v *Verifier) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, s := range v.sources() {
		if runs, ok := s.(interface{ Run(context.Context) error }); ok {
			wg.Go(func() {
				if err := runs.Run(ctx); err != nil && ctx.Err() == nil {
					cancel(err)
				}
			})
		}
	}
	<-ctx.Done()
	wg.Wait()
	return component.RunError(ctx)
}

// Ready returns nil while there are keys of every issuer, else why not: without them its tokens
// are answered as unknown.
func (v *Verifier) Ready() error {
	var missing []error
	for _, s := range v.sources() {
		if _, err := s.Keys(); err != nil {
			missing = append(missing, err)
		}
	}
	return errors.Join(missing...)
}

// sources are the sources of keys, each once.
func (v *Verifier) sources() []KeySource {
	if v.shared != nil {
		return []KeySource{v.shared.source}
	}
	seen := map[*Source]bool{}
	var list []KeySource
	for _, ring := range v.rings {
		if source, ok := ring.source.(*Source); ok {
			if seen[source] {
				continue
			}
			seen[source] = true
		}
		list = append(list, ring.source)
	}
	return list
}
