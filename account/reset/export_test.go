package reset

import "time"

// SetClock makes the reset read another clock.
func (r *Reset) SetClock(now func() time.Time) { r.now = now }
