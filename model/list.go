package model

import "slices"

// Safeguards are the macros that take one safeguard out of a model each, in the order
// of the table in README.md.
func Safeguards() []string {
	return []string{
		"NO_SENDTIME", "NO_ABA", "NO_GAP", "NO_FILLREV", "NO_ACKAFTER", "NO_FRONTIER", "NO_LEAST", "NO_GENERATION",
		"EAGER", "NO_DUAL", "NO_VERIFY", "NO_EPOCHWAIT", "NO_FENCE", "NO_COLDFENCE", "NO_RECOVERY", "NO_RECOVERWAIT",
		"NO_ACKCLASS", "NO_MEMBERCLASS", "NO_STREAMRIGHTS",
	}
}

// ofFleet are the safeguards that revoke.pml, with one worker and one revocation,
// cannot tell the lack of.
func ofFleet(safeguard string) bool {
	return slices.Contains([]string{
		"NO_FRONTIER", "NO_LEAST", "NO_GENERATION", "NO_ACKCLASS", "NO_MEMBERCLASS", "NO_STREAMRIGHTS",
	}, safeguard)
}

// Cases lists all searches: the whole models, then each safeguard missing from each
// model that can tell. The long ones come first, so that two at a time end together.
func Cases() []Case {
	cases := []Case{
		{Model: "revoke"},
		{Model: "fleet", Bounds: []string{"W=1"}},
		{Model: "fleet", Thorough: true},
		{Model: "revoke", Bounds: []string{"L=3"}, Thorough: true},
	}
	for _, safeguard := range Safeguards() {
		if ofFleet(safeguard) {
			continue
		}
		c := Case{Model: "revoke", Without: safeguard, Thorough: true}
		if safeguard == "NO_EPOCHWAIT" {
			c.Bounds = []string{"L=3"} // shorter leases are gone before anybody asks
		}
		cases = append(cases, c)
	}
	for _, safeguard := range Safeguards() {
		c := Case{Model: "fleet", Without: safeguard}
		switch safeguard {
		case "NO_FRONTIER":
			c.Bounds = []string{"W=1"}
		case "NO_EPOCHWAIT":
			c.Bounds = []string{"W=1", "R=1", "L=3"}
		}
		cases = append(cases, c)
	}
	return cases
}
