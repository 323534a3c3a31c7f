package publisher

import (
	"testing"

	"github.com/revocast/revocast"
)

// TestAgainKeepsTheUntil that the ledger made of the caller's, which may be too early for
// what else is covered, and does not add to it each time.
func TestAgainKeepsTheUntil(t *testing.T) {
	const asked, kept = int64(5_000), int64(9_000_000)
	for given, want := range map[int64]int64{
		0:     kept - revocast.UntilMargin.Milliseconds(),
		asked: kept - revocast.UntilMargin.Milliseconds(), kept: kept,
	} {
		p := revocast.Event{Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Until: given, From: 5}
		if got := again(p, revocast.Event{Until: kept, CutOff: 7}); got.Until != want || got.CutOff != 7 ||
			got.From != 0 {
			t.Errorf("given %d: %+v, want until %d", given, got, want)
		}
	}
	ban := again(revocast.Event{Kind: revocast.KindBanned, Until: asked, From: 5}, revocast.Event{
		Until:    kept,
		Position: revocast.Position{Epoch: 1, Rev: 2},
	})
	if ban.From != 5 || ban.Until != asked || ban.Position.Rev != 2 {
		t.Errorf("a ban became %+v", ban)
	}
}
