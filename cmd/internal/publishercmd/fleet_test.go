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
		Workers: []apitypes.Worker{
			{Worker: "orders-1", Incarnation: "aa", Position: "2-42", Seen: apitypes.At(now.Add(-250 * time.Millisecond)), LeaseLeftMS: 2750, Version: "v1"},
			{Worker: "b", Incarnation: "bb", Position: "1-7", Lag: -1},
		},
		Unacked: 2, OldestUnackedMS: 12,
	}
	var out strings.Builder
	if err := printFleet(&out, fleet); err != nil {
		t.Fatal(err)
	}
	const want = `ledger        open at 2-42 (new epoch: confirmations wait until the leases of the last one have run out)
in JetStream  up to 2-40, 2 events under way, the oldest for 12ms
waiting       0 revocations for confirmation
terms         lease 3s, fence 0s, drift 1%, default issuer https://a.example
workers       2

WORKER    INCARNATION  POSITION  LAG          LEASE    SEEN       VERSION
orders-1  aa           2-42      0            2.75s    250ms ago  v1
b         bb           1-7       other epoch  run out  -          -
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}
