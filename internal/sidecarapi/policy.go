package sidecarapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/worker"
)

// Policies is [Deps.WithPolicy] for a [worker.Guard].
func Policies(g *worker.Guard) func(worker.Policy) Guard {
	return func(p worker.Policy) Guard { return g.WithPolicy(p) }
}

// guards are one guard under the policies that a request may choose.
type guards struct {
	own, ask, closed Guard
	with             func(worker.Policy) Guard
	granted          time.Duration // the longest grace
}

func newGuards(d Deps, granted worker.Policy) guards {
	g := guards{own: d.Guard, with: d.WithPolicy, granted: granted.Grace()}
	if g.with != nil {
		g.ask, g.closed = g.with(worker.Ask), g.with(worker.Closed)
	}
	return g
}

// of returns the guard that a request to /check chooses. A gateway that appends the path of the
// request that it asks about appends its query too. There the client would choose, or would have
// its own parameter of this name.
func (g *guards) of(r *http.Request) (Guard, error) {
	if !strings.Contains(r.URL.RawQuery, "policy") || r.URL.Path != "/check" {
		return g.own, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: the query cannot be read: %s", revocast.ErrInvalid, err)
	}
	switch values := query["policy"]; len(values) {
	case 0:
		return g.own, nil
	case 1:
		if values[0] == "" {
			return nil, fmt.Errorf("%w: the parameter policy is empty", revocast.ErrInvalid)
		}
		return g.choose(values[0])
	default:
		return nil, fmt.Errorf("%w: the parameter policy is there twice", revocast.ErrInvalid)
	}
}

// choose returns the guard under a policy; an empty policy is the guard's own. It fails with
// [revocast.ErrInvalid] if the text is not a policy, or is laxer than what is granted.
func (g *guards) choose(text string) (Guard, error) {
	if text == "" {
		return g.own, nil
	}
	p, err := worker.ParsePolicy(text)
	if err != nil {
		return nil, err
	}
	grace := p.Grace()
	switch {
	case g.with == nil:
		return nil, fmt.Errorf("%w: policy %s: no request may choose one here", revocast.ErrInvalid, p)
	case p == worker.Ask:
		return g.ask, nil
	case p == worker.Closed:
		return g.closed, nil
	case grace > g.granted && g.granted == 0:
		return nil, fmt.Errorf("%w: policy %s: this worker grants no grace; it would have to be "+
			"started with --policy %s", revocast.ErrInvalid, p, p)
	case grace > g.granted:
		return nil, fmt.Errorf("%w: policy %s: this worker grants %s at most (--policy)", revocast.ErrInvalid, p,
			g.granted)
	}
	return g.with(p), nil
}
