package wiring

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast/internal/serving"
)

// DrainFlags say how a service stops.
type DrainFlags struct {
	DrainDelay time.Duration `default:"2s" help:"How long after SIGTERM everything is still answered, with /readyz at 503 and each answer closing its connection, so that load balancers leave first: a duration. Ctrl-C does not wait. Default: ${default}."`
}

// Check refuses a negative delay.
func (f *DrainFlags) Check() error {
	if f.DrainDelay < 0 {
		return fmt.Errorf("--drain-delay %s: want a duration, or 0s for none", f.DrainDelay)
	}
	return nil
}

// Delay is for [serving.HTTPServer.DelayDrain]: the flag's value, unless a terminal has ended ctx:
// there somebody waits, and no load balancer looks.
func (f *DrainFlags) Delay(ctx context.Context) func() time.Duration {
	return func() time.Duration {
		if serving.Interrupted(ctx) {
			return 0
		}
		return f.DrainDelay
	}
}
