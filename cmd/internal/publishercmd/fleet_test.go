package publishercmd

import (
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/apitypes"
)

func TestPrintFleet(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	fleet := &apitypes.Fleet{
		Ledger: apitypes.Ledger{
			State: "open", Position: "2-42", Durable: "2-40", Now: apitypes.At(now),
			LeaseMS: 3000, Drift: 0.01, DefaultIssuer: "https://a.example",
		},
		Stream: apitypes.Stream{Whole: "2-40", Sequence: 57, AgeMS: 1200},
		Workers: []apitypes.Worker{
			{
				Worker: "orders-1", Incarnation: "aa", Position: "2-42",
				Seen:        apitypes.At(now.Add(-250 * time.Millisecond)),
				LeaseLeftMS: 2750, Version: "v1", Class: "web", Acknowledges: "renewal",
			},
			{Worker: "b", Incarnation: "bb", Position: "1-7", Lag: -1, Class: "default"},
		},
		Unacked: 2, OldestUnackedMS: 12,
	}
	var out strings.Builder
	if err := printFleet(&out, fleet); err != nil {
		t.Fatal(err)
	}
	const want = `ledger        open at 2-42 (not settled: confirmations wait until the leases of an earlier epoch, ` +
		`or of earlier terms, have run out)
in JetStream  up to 2-40, 2 events under way, the oldest for 12ms
stream        whole up to 2-40 (message 57), seen 1.2s ago
waiting       0 revocations for confirmation
terms         lease 3s, fence 0s, drift 1%, default issuer https://a.example
workers       2
slow answers  orders-1: acknowledgements are not heard, so every revocation waits for the next renewal

WORKER    INCARNATION  POSITION  LAG          LEASE    SEEN       VERSION  CLASS
orders-1  aa           2-42      0            2.75s    250ms ago  v1       web
b         bb           1-7       other epoch  run out  -          -        default
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestClocksApart(t *testing.T) {
	fleet := apitypes.Fleet{
		Ledger:  apitypes.Ledger{LargestLeadMS: 4000, PublisherAheadMS: -2500},
		Workers: []apitypes.Worker{{Worker: "a", ClockAheadMS: 999}, {Worker: "b", ClockAheadMS: 1000}},
	}
	const want = "an issuer's 4s ahead of the ledger's, the publisher's 2.5s behind the ledger's, worker b's " +
		"1s ahead of the ledger's"
	if got := clocksApart(&fleet); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := clocksApart(&apitypes.Fleet{}); got != "" {
		t.Errorf("%q of clocks that are in step", got)
	}
}

func TestStreamText(t *testing.T) {
	for want, s := range map[string]apitypes.Stream{
		"not seen whole yet":                         {},
		"not seen whole yet; not as it must be: why": {Error: "why"},

		"whole up to 1-2 (message 3), seen 0s ago; not as it must be: unavailable": {
			Whole: "1-2", Sequence: 3, Error: "unavailable",
		},
	} {
		if got := streamText(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
