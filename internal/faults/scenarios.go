package faults

import (
	"context"
	"time"
)

// Scenarios are all of them, in the order in which the long run takes them.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "calm", What: "nothing happens", Strict: true, Run: calm},
	}
}

func calm(ctx context.Context, t *Trial) error {
	for range 20 {
		call, _ := t.Probe(ctx, patient)
		t.Measure("revocation latency, call to the last worker", call.Took(), 0)
		if err := t.Rest(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
