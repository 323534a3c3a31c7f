package fleettest

import (
	"bytes"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
)

// Names are the name secrets of a [World]. A [Rig] has none.
var Names = option.Must(names.New(bytes.Repeat([]byte("n"), names.MinSecret)))

// KeyOf is [revocast.KeyOf] as the ledger of a [World] has it.
func KeyOf(scope revocast.Scope, issuer, id string) revocast.Key {
	return Names.Latest(Realm).Key(revocast.KeyOf(Realm, scope, issuer, id), 0)
}
