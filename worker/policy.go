package worker

import (
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/naming"
)

// Policy says what a guard does when the worker's lease is gone, which means that
// the ledger has not answered renewals for one lease. The zero value is [Ask].
type Policy struct {
	closed bool
	grace  time.Duration
}

// Ask asks the ledger for every single check, and answers Unknown when it does not
// answer.
var Ask = Policy{}

// Closed answers Unknown without asking, and spares the ledger.
var Closed = Policy{closed: true}

// Grace trusts memory for d after the lease has run out, and asks after that. It trades guarantee
// G1 for availability: the worker does not know of a revocation that was confirmed meanwhile. Every
// such answer is counted.
func Grace(d time.Duration) Policy { return Policy{grace: d} }

// Grace is how long the policy goes on trusting memory without a lease.
func (p Policy) Grace() time.Duration { return p.grace }

// String returns the policy as [ParsePolicy] reads it.
func (p Policy) String() string {
	switch {
	case p.closed:
		return "closed"
	case p.grace > 0:
		return "grace=" + p.grace.String()
	}
	return "ask"
}

// ParsePolicy reads "ask", "closed" or "grace=30s"; it fails with [revocast.ErrInvalid].
func ParsePolicy(text string) (Policy, error) {
	switch {
	case text == "ask":
		return Ask, nil
	case text == "closed":
		return Closed, nil
	}
	if rest, ok := strings.CutPrefix(text, "grace="); ok {
		if d, err := time.ParseDuration(rest); err == nil && d > 0 {
			return Grace(d), nil
		}
	}
	return Policy{}, fmt.Errorf("%w: policy %q: want ask, closed or grace=DURATION such as grace=30s",
		revocast.ErrInvalid, naming.ClipName(text))
}
