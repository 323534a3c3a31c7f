package publisher

import (
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// TestEverybodyHas: who says nothing, or whose class is not known, may lack the secrets.
func TestEverybodyHas(t *testing.T) {
	has := func(class, name string, secrets uint8) port.Member {
		return port.Member{
			ID: port.MemberID{Class: class, Worker: name, Incarnation: "1"}, Reach: &port.Reach{Names: secrets},
		}
	}
	silent := has("default", "silent", 2)
	silent.Reach = nil
	for name, c := range map[string]struct {
		list port.Membership
		says string // empty: all is well
	}{
		"nobody": {},
		"all of them": {
			list: port.Membership{Members: []port.Member{has("default", "a", 2), has("web", "b", 3)}},
		},
		"one": {
			port.Membership{Members: []port.Member{has("default", "a", 1), has("web", "b", 2)}}, `1 of 2 workers`,
		},
		"by name":        {port.Membership{Members: []port.Member{has("default", "a", 1)}}, `: "a"; restart`},
		"another class'": {port.Membership{Members: []port.Member{has("web", "b", 1)}}, `: "web/b"; restart`},
		"one is silent":  {port.Membership{Members: []port.Member{silent}}, `: "silent"; restart`},
		"not known":      {port.Membership{Unlisted: []string{"web"}}, `classes "web" are`},
	} {
		err := everybodyHas(c.list, 2)
		if c.says == "" && err != nil ||
			c.says != "" && (!errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
