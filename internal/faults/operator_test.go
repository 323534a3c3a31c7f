package faults

import (
	"testing"

	"github.com/revocast/revocast"
)

func TestSamePromises(t *testing.T) {
	banned := func(epoch, rev uint64, until int64) revocast.State {
		at := revocast.Position{Epoch: epoch, Rev: rev}
		return revocast.State{Until: until, At: at, Ban: revocast.BanState{Until: until, At: at}}
	}
	example := func(ledger, stream revocast.State) revocast.AuditReport {
		return revocast.AuditReport{MissingInLedger: 1, Examples: []revocast.AuditExample{{Ledger: ledger, Stream: stream}}}
	}
	if !samePromises(example(banned(4, 54, 9), banned(5, 12, 9))) {
		t.Error("a ban's position alone is taken for a difference")
	}
	if samePromises(example(banned(4, 54, 9), banned(4, 54, 8))) || samePromises(example(revocast.State{}, banned(4, 54, 9))) {
		t.Error("a ban that ends sooner, or is not there, is taken for the same")
	}
	if samePromises(revocast.AuditReport{MissingInStream: 2, Examples: make([]revocast.AuditExample, 1)}) {
		t.Error("differences that no example shows are taken for none")
	}
}
