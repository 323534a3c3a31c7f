package publisher

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
)

// NamedKey is a key with the name that it was made of.
type NamedKey struct {
	Key revocast.Key
	// Name is what was revoked under the key; zero with an error.
	Name names.Name
	// Err is why the name is not known: [revocast.ErrNotFound] if it was not sealed, or with a key that this
	// publisher does not have; [revocast.ErrInvalid] if somebody has changed it.
	Err error
}

// seal seals the name of a proposal; "" without a key, or where there is no name.
func (n *namer) seal(a about, caller string) string {
	if n.sealer == nil || a.name == (names.Name{}) {
		return ""
	}
	a.name.Caller = caller
	return n.sealer.Seal(a.name)
}

// unseal opens what was sealed with a key.
func (n *namer) unseal(maker *names.Maker, key revocast.Key, sealed string, from uint8) (names.Name, error) {
	switch {
	case sealed == "":
		return names.Name{}, fmt.Errorf("%w: the name was not sealed", revocast.ErrNotFound)
	case n.sealer == nil:
		return names.Name{}, fmt.Errorf("%w: this publisher has no key to open names with (--names-key)",
			revocast.ErrNotFound)
	}
	return n.sealer.Open(sealed, maker, key, from)
}

// Who says which names stand behind keys, parallel to them.
func (p *Publisher) Who(ctx context.Context, keys []revocast.Key) ([]NamedKey, error) {
	if len(keys) == 0 || len(keys) > revocast.MaxBatch {
		return nil, fmt.Errorf("%w: %d keys in one call, want 1 to %d", revocast.ErrInvalid, len(keys),
			revocast.MaxBatch)
	}
	var found []NamedKey
	err := p.names.named(ctx, p.reader, func(m *names.Maker) error {
		sealed, err := p.ledger.Sealed(ctx, keys)
		found = make([]NamedKey, len(sealed))
		for i, s := range sealed {
			found[i].Key = keys[i]
			found[i].Name, found[i].Err = p.names.unseal(m, keys[i], s, m.Naming().Secrets)
		}
		return err
	})
	return found, err
}
