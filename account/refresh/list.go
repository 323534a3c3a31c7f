package refresh

import (
	"context"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
)

// List returns the living families of a principal in one round trip, in no particular order. A
// family whose session was revoked elsewhere is among them until it is used: List returns what the
// store knows, not what the ledger knows.
func (s *Store) List(ctx context.Context, principal string) ([]Family, error) {
	if err := checkText("principal", principal, revocast.MaxID); err != nil {
		return nil, err
	}
	reply, err := s.db.Run(ctx, listScript, s.who(principal))
	if err != nil {
		return nil, err
	}
	var families []Family
	r := script.Read(reply)
	for r.More() {
		families = append(families, readFamily(r))
	}
	return families, r.Err
}
