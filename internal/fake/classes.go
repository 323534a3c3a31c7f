package fake

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Admit implements [port.Ledger].
func (k *LedgerLink) Admit(ctx context.Context, classes []string) error {
	for _, class := range classes {
		if err := port.CheckClass(class); err != nil {
			report(k.server().report, "%s lets in %v", k.name, err)
			return err
		}
	}
	return doErr(ctx, k, OpAdmit, classes, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.serves(); err != nil {
			return err
		}
		for _, class := range classes {
			if !slices.Contains(b.classes, class) {
				b.classes = append(slices.Clip(b.classes), class)
			}
		}
		return nil
	})
}

// Prune implements [port.Ledger]. A fake never runs out of memory.
func (k *LedgerLink) Prune(ctx context.Context) ([]string, error) {
	return do(ctx, k, OpPrune, nil, revocast.ErrOutcomeUnknown, func(l *Ledger) ([]string, error) {
		return nil, l.books.serves()
	})
}

func errClass(class string) error {
	return fmt.Errorf("%w: fake: no publisher has let in the class %s", revocast.ErrUnavailable, class)
}

// generation is that of every class, in the order in which they were let in.
func (b *books) generation() string {
	gens := make([]string, len(b.classes))
	for i, class := range b.classes {
		gen, _ := b.gens.get(class)
		gens[i] = strconv.FormatUint(gen, 10)
	}
	return strings.Join(gens, ",")
}

// turnOver begins a class' next generation.
func (b *books) turnOver(class string) uint64 {
	gen, _ := b.gens.get(class)
	b.gens.put(&b.history, class, gen+1)
	return gen + 1
}
