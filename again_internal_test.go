package revocast

import "testing"

// TestAgainKeepsTheUntil that the ledger made of the caller's, which may be too early for
// what else is covered, and does not add to it each time.
func TestAgainKeepsTheUntil(t *testing.T) {
	const asked, kept = int64(5_000), int64(9_000_000)
	for given, want := range map[int64]int64{0: kept - UntilMargin.Milliseconds(), asked: kept - UntilMargin.Milliseconds(), kept: kept} {
		p := Event{Kind: KindRevoked, Scope: ScopePrincipal, Until: given}
		if got := again(p, Event{Until: kept, CutOff: 7}); got.Until != want || got.CutOff != 7 {
			t.Errorf("given %d: %+v, want until %d", given, got, want)
		}
	}
	ban := again(Event{Kind: KindBanned, Until: asked}, Event{Until: kept, Position: Position{Epoch: 1, Rev: 2}})
	if ban.Until != asked || ban.Position.Rev != 2 {
		t.Errorf("a ban became %+v", ban)
	}
}
