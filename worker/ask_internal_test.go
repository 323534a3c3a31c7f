package worker

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// When the last check of a question gives up just as its turn comes, the turn goes on
// to the next one.
func TestTurnOfAnAbandonedQuestionGoesOn(t *testing.T) {
	a := &asker{timeout: time.Second, most: 1}
	g, _, err := a.join([]revocast.Key{{1}})
	if err != nil {
		t.Fatal(err)
	}
	a.leave(g)
	next, _, err := a.join([]revocast.Key{{2}})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-next.lead:
	default:
		t.Errorf("%d questions count as under way, and nobody sends one", a.underWay)
	}
}
