package reset_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/reset"
)

// TestDefectWhatThePublisherRefusesIsFoundOutAfterTheChange: it is refused while nothing
// has been touched.
func TestDefectWhatThePublisherRefusesIsFoundOutAfterTheChange(t *testing.T) {
	r, _ := embedded(t, reset.Options{})
	long := strings.Repeat("x", revocast.MaxID+1)
	for _, c := range []struct{ name, principal, keep string }{
		{"no principal", "", "s1"},
		{"a long principal", long, ""},
		{"a principal that is no text", "ann\xff", ""},
		{"a long session", "ann", long},
		{"a session that is no text", "ann", "s\xff"},
	} {
		if _, err := r.reset.Change(t.Context(), c.principal, c.keep, "new"); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Change for %s: %v, want ErrInvalid", c.name, err)
		}
		if c.principal == "ann" {
			continue
		}
		if _, err := r.reset.Confirm(t.Context(), c.principal, "123456", "new"); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Confirm for %s: %v, want ErrInvalid", c.name, err)
		}
	}
	if r.users.changes != 0 {
		t.Errorf("the password was set %d times", r.users.changes)
	}
	r.pending(0)
	r.ended(0)
}

func TestNewRefusesWhatThePublisherWouldRefuse(t *testing.T) {
	r, _ := embedded(t, reset.Options{})
	for name, o := range map[string]reset.Options{
		"a long reason":                    {Cause: revocast.Cause{Reason: strings.Repeat("r", revocast.MaxReason+1)}},
		"a reason that is no text":         {Cause: revocast.Cause{Reason: "\xff"}},
		"an initiator of two lines":        {Cause: revocast.Cause{Initiator: "a\nb"}},
		"a long issuer":                    {Issuer: strings.Repeat("i", revocast.MaxID+1)},
		"an issuer that is no text at all": {Issuer: "\xff"},
	} {
		made, err := reset.New(r.codes, r.outbox, r.users.set, o)
		if !errors.Is(err, revocast.ErrInvalid) || made != nil {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
