package fleettest_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// BenchmarkMoveNames moves the names of a realm with 20,000 revocations to one more secret, over and over, without
// workers. It reports how long that takes for a hundred thousand, and of that the least that the lease demands.
func BenchmarkMoveNames(b *testing.B) {
	const states, lease = 20_000, 100 * time.Millisecond
	r := fleettest.NewRig(b, func(t *port.Terms) { t.Lease = lease })
	for from := 0; from < states; from += revocast.MaxBatch {
		var batch []revocast.Event
		for i := range revocast.MaxBatch {
			batch = append(batch, revocast.Event{
				Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal,
				Key: revocast.KeyOf(fleettest.Realm, revocast.ScopePrincipal, "", fmt.Sprint(from+i)),
			})
		}
		_, err := r.Ledger().Commit(b.Context(), "", batch)
		r.Must(err)
	}
	var secrets [][]byte
	var took time.Duration
	moves := 0
	for b.Loop() {
		moves++
		secrets = append(secrets, bytes.Repeat([]byte{byte(moves)}, names.MinSecret))
		one, err := publisher.MoveNames(b.Context(), r.Ledger(), r.Bus(), publisher.MoveOptions{
			Publisher:   publisher.Options{Names: option.Must(names.New(secrets...)), Logger: fleettest.Logger()},
			LeaveBehind: true,
		})
		r.Must(err)
		took += one
	}
	waits := r.Terms.SettleWait()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(((took/time.Duration(moves)-waits)*100_000/states + waits).Seconds(), "s/100k")
	b.ReportMetric(waits.Seconds(), "s-waits")
}
