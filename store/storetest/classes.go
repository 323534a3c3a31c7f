package storetest

import (
	"errors"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// classes: a ledger lets in workers of its own class alone, and classes that publishers have let in.
func classes(k *kit) {
	k.start()
	if class := k.Ledger.Class(); class != port.DefaultClass {
		k.Errorf("a ledger of no class lets in workers of %q", class)
	}
	if d := k.describe(); !slices.Equal(d.Classes, []string{port.DefaultClass}) {
		k.Errorf("classes %q", d.Classes)
	}
	before := k.members()
	for range 2 {
		k.must(k.Ledger.Admit(k.ctx, []string{"web", port.DefaultClass, "api-2_x"}))
	}
	if d := k.describe(); !slices.Equal(d.Classes, []string{port.DefaultClass, "web", "api-2_x"}) {
		k.Errorf("classes %q", d.Classes)
	}
	if m := k.members(); m.Generation == before.Generation || len(m.Members)+len(m.Unlisted) > 0 {
		k.Errorf("after two classes were let in: %+v, before %+v", m, before)
	}
	for _, name := range []string{"", "a b", "a/b", "a:b", "ä", string(make([]byte, 65))} {
		if err := k.Ledger.Admit(k.ctx, []string{"ok", name}); !errors.Is(err, revocast.ErrInvalid) {
			k.Errorf("class %q: %v", name, err)
		}
	}
	stranger := port.MemberID{Class: "web", Worker: "w", Incarnation: "i"}
	_, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: stranger, Limit: 10})
	if !errors.Is(err, revocast.ErrInvalid) {
		k.Errorf("a member of another class renews: %v", err)
	}
}
