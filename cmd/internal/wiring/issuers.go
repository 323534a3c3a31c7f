package wiring

import (
	"strings"

	"github.com/revocast/revocast/token"
)

// ownIssuer is an issuer and the place of its keys.
type ownIssuer struct{ name, keys string }

// ownKeys are the issuers that --issuer ISS=FILE|URL gives keys of their own. With --jwks and its
// like, the whole value is the issuer's name, whatever characters it holds.
func (f *TokenFlags) ownKeys() []ownIssuer {
	if f.given() {
		return nil
	}
	var own []ownIssuer
	for _, text := range f.Issuer {
		if name, keys, ok := cutIssuer(text); ok {
			own = append(own, ownIssuer{name, keys})
		}
	}
	return own
}

// cutIssuer cuts ISS=FILE|URL: before a URL, else at the last "=", since both an issuer and a URL
// may have one inside. A value that begins with "=" names no issuer: a script with an empty
// variable writes it.
func cutIssuer(text string) (name, keys string, ok bool) {
	at := -1
	for _, scheme := range [...]string{"=https://", "=http://"} {
		if i := strings.Index(text, scheme); i > 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		at = strings.LastIndexByte(text, '=')
	}
	if at <= 0 || at == len(text)-1 || text[0] == '=' {
		return "", "", false
	}
	return text[:at], text[at+1:], true
}

func (f *TokenFlags) manyIssuers(own []ownIssuer, from token.SourceOptions, o token.Options) (*token.Verifier, error) {
	switch {
	case len(own) != len(f.Issuer):
		return nil, WithHint(Usage("some --issuer have their own keys and some have none"),
			"write each as --issuer ISS=FILE or --issuer ISS=URL")
	case f.AnyIssuer:
		return nil, Usage("give --issuer or --any-issuer, not both")
	case f.KeyIssuer != "":
		return nil, Usage("--key-issuer is for one key set: here each key is its own issuer's")
	}
	sources, byPlace := make(map[string]token.KeySource, len(own)), make(map[string]*token.Source, len(own))
	for _, i := range own {
		if sources[i.name] != nil {
			return nil, Usage("--issuer %s is there twice", i.name)
		}
		source := byPlace[i.keys]
		if source == nil {
			var err error
			if source, err = token.JWKS(i.keys, from); err != nil {
				return nil, err
			}
			byPlace[i.keys] = source
		} else if !f.SharedKeys {
			return nil, WithHint(Usage("%s is the key set of two issuers: a holder of one's key could speak "+
				"for the other", i.keys),
				"say --shared-keys if that is meant")
		}
		sources[i.name] = source
	}
	if err := f.checkAudience(); err != nil {
		return nil, err
	}
	o.Issuers = nil
	return token.NewIssuers(sources, o)
}
