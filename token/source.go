package token

import "context"

// KeySource gives a [Verifier] its keys. [Static], [JWKSFile], [JWKSURL], [PEMFile] and
// [SecretFile] make one; the interface is for keys from elsewhere. Its methods are called
// concurrently, Keys on every verification. A source that also has the method OnChange(func())
// tells immediately that its keys have changed. For other sources a [Verifier] finds it out at its
// next verification.
type KeySource interface {
	// Keys returns the keys in force. It does not block. Until there are any it
	// fails with [revocast.ErrUnknown].
	Keys() (*KeySet, error)
	// Renew is called when stale, which Keys returned, lacks the key that a token
	// names, or holds none that its signature is good with: anyone can cause that. A source that can look for newer
	// keys does so, rarely, and returns what is then in force, perhaps stale itself. It
	// fails with [revocast.ErrUnknown] if it should have looked and could not.
	Renew(ctx context.Context, stale *KeySet) (*KeySet, error)
	// Symmetric reports whether the keys are shared secrets. It never changes.
	Symmetric() bool
}

type static struct{ set *KeySet }

// Static is a source of keys that never change. It fails as [NewKeySet] does.
func Static(keys ...Key) (KeySource, error) {
	set, err := NewKeySet(keys...)
	if err != nil {
		return nil, err
	}
	return static{set}, nil
}

func (s static) Keys() (*KeySet, error)                          { return s.set, nil }
func (s static) Renew(context.Context, *KeySet) (*KeySet, error) { return s.set, nil }
func (s static) Symmetric() bool                                 { return s.set.symmetric }

var _ KeySource = (*Source)(nil)
