package model

import "testing"

// TestParse: whatever is not a whole search without an error must not pass for one.
func TestParse(t *testing.T) {
	const ok = "State-vector 84 byte, depth reached 5, errors: 0\n 12 states, stored\n  3.5\ttotal actual " +
		"memory usage\n"
	const wrong = "pan:1: assertion violated  !(started) (at depth 4)\nState-vector 84 byte, depth reached 5, " +
		"errors: 1\n 12 states, stored\n  3.5\ttotal actual memory usage\n"
	for _, c := range []struct {
		name, out string
		errors    int
		fails     bool
	}{
		{"whole", ok, 0, false},
		{"found", wrong, 1, false},
		{"empty", "", 0, true},
		{"depth", "error: max search depth too small\n" + ok, 0, true},
		{"memory", "pan: reached -DMEMLIM bound\n" + ok, 0, true},
		{"not completed", "Warning: Search not completed\n" + ok, 0, true},
		{"deadlock", "pan:1: invalid end state (at depth 7)\nerrors: 1\n 12 states, stored\n  3.5\ttotal actual " +
			"memory usage\n", 0, true},
	} {
		r, err := parse([]byte(c.out))
		if (err != nil) != c.fails || err == nil && (r.Errors != c.errors || r.States != 12 || r.Memory != 3.5) {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	whole, mutant := Case{Model: "revoke"}, Case{Model: "revoke", Without: "EAGER"}
	for _, c := range []struct {
		r     Result
		wrong bool
	}{
		{Result{Case: whole}, false},
		{Result{Case: whole, Errors: 1}, true},
		{Result{Case: mutant}, true},
		{Result{Case: mutant, Errors: 1}, false},
	} {
		if err := c.r.Err(); (err != nil) != c.wrong {
			t.Errorf("%s with %d errors: %v", c.r.Case, c.r.Errors, err)
		}
	}
}
