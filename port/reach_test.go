package port

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/revocast/revocast"
)

func issuers(n, keys int, name string) Reach {
	r := Reach{Issuers: []ReachIssuer{}}
	for i := range n {
		issuer := ReachIssuer{Name: fmt.Sprintf("%s%03d", name, i), KeyIDs: []string{}}
		for k := range keys {
			issuer.KeyIDs = append(issuer.KeyIDs, fmt.Sprintf("k%03d", k))
		}
		r.Issuers = append(r.Issuers, issuer)
	}
	return r
}

// TestReachIsBounded: first the keys' names go, then the issuers; what is left out is not known,
// which is another thing than none.
func TestReachIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		reach         Reach
		issuers, keys bool // are told
	}{
		"nothing":                  {Reach{}, false, false},
		"no issuer":                {issuers(0, 0, ""), true, false},
		"a few":                    {issuers(2, 3, "i"), true, true},
		"as many keys as may be":   {issuers(4, 256, "i"), true, true},
		"one key more":             {issuers(1, 1025, "i"), true, false},
		"as many issuers":          {issuers(256, 1, "i"), true, true},
		"one issuer more":          {issuers(257, 1, "i"), false, false},
		"as long as may be":        {issuers(1, 0, strings.Repeat("x", 16<<10-3)), true, false},
		"a byte longer":            {issuers(1, 0, strings.Repeat("x", 16<<10-2)), false, false},
		"longer with the keys":     {issuers(1, 1, strings.Repeat("x", 16<<10-3)), true, false},
		"as long, keys and all":    {issuers(1, 1, strings.Repeat("x", 16<<10-7)), true, true},
		"longer by one, with keys": {issuers(1, 1, strings.Repeat("x", 16<<10-6)), true, false},
	} {
		n := len(c.reach.Issuers)
		got := c.reach.Bounded()
		if (got.Issuers != nil) != c.issuers || c.issuers && len(got.Issuers) != n {
			t.Errorf("%s: %d of %d issuers are told", name, len(got.Issuers), n)
		}
		if c.issuers && n > 0 && (len(got.Issuers[0].KeyIDs) > 0) != c.keys {
			t.Errorf("%s: keys %v", name, got.Issuers[0].KeyIDs)
		}
	}
	if long := issuers(1, 1025, "i"); len(long.Bounded().Issuers) == 1 && long.Issuers[0].KeyIDs == nil {
		t.Error("what was given was changed")
	}
}

func TestReachEqual(t *testing.T) {
	scopes := []revocast.Scope{revocast.ScopeSession}
	for name, c := range map[string]struct {
		a, b Reach
		want bool
	}{
		"both nothing":     {Reach{}, Reach{}, true},
		"none and unknown": {Reach{Issuers: []ReachIssuer{}}, Reach{}, false},
		"the same":         {issuers(2, 2, "i"), issuers(2, 2, "i"), true},
		"another name":     {issuers(1, 1, "i"), issuers(1, 1, "j"), false},
		"more keys":        {issuers(1, 1, "i"), issuers(1, 2, "i"), false},
		"no keys, unknown": {
			Reach{Issuers: []ReachIssuer{{Name: "a", KeyIDs: []string{}}}},
			Reach{Issuers: []ReachIssuer{{Name: "a"}}},
			false,
		},
		"other scopes":    {Reach{Scopes: scopes}, Reach{}, false},
		"the same scopes": {Reach{Scopes: scopes}, Reach{Scopes: slices.Clone(scopes)}, true},
		"other names":     {Reach{Names: 1}, Reach{Names: 2}, false},
		"fewer issuers":   {issuers(2, 1, "i"), issuers(1, 1, "i"), false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s: want %v", name, c.want)
		}
	}
}

// TestMergeIssuers: a worker with two verifiers accepts what either does; what one cannot say
// nobody can.
func TestMergeIssuers(t *testing.T) {
	known, other := []ReachIssuer{{"a", []string{"1", "2"}}}, []ReachIssuer{{"a", []string{"2", "3"}}, {"b", nil}}
	for name, c := range map[string]struct{ a, b, want []ReachIssuer }{
		"one cannot say":         {known, nil, nil},
		"the other cannot":       {nil, known, nil},
		"none and some":          {[]ReachIssuer{}, known, known},
		"keys of both":           {known, other, []ReachIssuer{{"a", []string{"1", "2", "3"}}, {"b", nil}}},
		"keys that are unknown":  {known, []ReachIssuer{{"a", nil}}, []ReachIssuer{{"a", nil}}},
		"unknown keys and known": {[]ReachIssuer{{"a", nil}}, known, []ReachIssuer{{"a", nil}}},
	} {
		got := MergeIssuers(c.a, c.b)
		if !(Reach{Issuers: got}).Equal(Reach{Issuers: c.want}) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestReachAccepts(t *testing.T) {
	some := issuers(1, 0, "i")
	for name, c := range map[string]struct {
		reach  *Reach
		issuer string
		want   bool
	}{
		"says nothing":      {nil, "x", true},
		"accepts every one": {&Reach{}, "x", true},
		"accepts it":        {&some, "i000", true},
		"accepts another":   {&some, "x", false},
		"any of them":       {&some, "", true},
		"none at all":       {&Reach{Issuers: []ReachIssuer{}}, "", false},
	} {
		if got := c.reach.Accepts(c.issuer); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
