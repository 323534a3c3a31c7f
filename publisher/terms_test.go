package publisher

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func TestMayBecome(t *testing.T) {
	for _, test := range []struct {
		what   string
		change func(*port.Terms)
		want   error
	}{
		{"nothing", func(*port.Terms) {}, nil},
		{"a shorter lifetime", func(t *port.Terms) { t.MaxLifetime[2]-- }, nil},
		{"a longer lifetime", func(t *port.Terms) { t.MaxLifetime[2]++ }, revocast.ErrInvalid},
		{"another default issuer", func(t *port.Terms) { t.DefaultIssuer = "i" }, revocast.ErrInvalid},
		{"another lease", func(t *port.Terms) { t.Lease = time.Minute }, nil},
	} {
		next := port.DefaultTerms()
		test.change(&next)
		if err := mayBecome(port.DefaultTerms(), next); !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}

func TestLonger(t *testing.T) {
	short, long := port.DefaultTerms(), port.DefaultTerms()
	long.Lease *= 2
	equal := short
	equal.DefaultIssuer = "other"
	if longer(short, long) != long || longer(long, short) != long || longer(short, equal) != equal {
		t.Error("not the longer terms, or not the second where neither is")
	}
}

// TestAnnounce: terms that make waits longer stand in the record before the ledger has them.
func TestAnnounce(t *testing.T) {
	for _, test := range []struct {
		what string
		set  func(*port.Terms, *busFake)
		want error
		bus  []string
	}{
		{"a longer lease", func(next *port.Terms, _ *busFake) {
			next.Lease *= 2
		}, nil, []string{"claim 3 of a after 1"}},
		{"a shorter lease", func(next *port.Terms, _ *busFake) { next.Lease /= 2 }, nil, nil},
		{"the record is of another epoch", func(_ *port.Terms, b *busFake) {
			b.record.Epoch = 2
		}, revocast.ErrConflict, nil},
		{
			"the record is of another server", func(_ *port.Terms, b *busFake) { b.record.Server = "b" },
			revocast.ErrConflict, nil,
		},
		{
			"the bus is away", func(_ *port.Terms, b *busFake) { b.recordErr = revocast.ErrUnavailable },
			revocast.ErrUnavailable, nil,
		},
	} {
		l, next := openLedger(3), port.DefaultTerms()
		b := &busFake{record: recordOf(l.d)}
		test.set(&next, b)
		if err := announce(t.Context(), b, l.d, next); !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		b.want(t, test.bus...)
	}
}

// TestWithdraw: terms with shorter waits are written into the record once the ledger is settled
// under them, but not if somebody has changed anything since.
func TestWithdraw(t *testing.T) {
	next := port.DefaultTerms()
	next.Lease /= 2
	for _, test := range []struct {
		what   string
		set    func(*ledgerFake, *busFake)
		writes bool
	}{
		{"settled", func(*ledgerFake, *busFake) {}, true},
		{"unsettled", func(l *ledgerFake, _ *busFake) { l.d.Settled = false }, false},
		{"other terms", func(l *ledgerFake, _ *busFake) { l.d.Terms.Lease++ }, false},
		{"another epoch", func(_ *ledgerFake, b *busFake) { b.record.Epoch = 4 }, false},
		{"another server", func(_ *ledgerFake, b *busFake) { b.record.Server = "b" }, false},
		{"written already", func(_ *ledgerFake, b *busFake) { b.record.Terms = next }, false},
	} {
		l := openLedger(3)
		b := &busFake{record: recordOf(l.d)}
		l.d.Terms = next
		test.set(l, b)
		if err := withdraw(t.Context(), b, newReader(port.SystemClock(), l), next); err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		if writes := len(b.taken()) == 1; writes != test.writes {
			t.Errorf("%s: written %t", test.what, writes)
		}
	}
}
