package realm

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
)

// Pace of looking after how Redis is configured.
const (
	serverEvery    = 3 * time.Second // is it still the same server?
	preflightEvery = time.Minute     // of the same one: somebody may have changed its configuration
	complainEvery  = time.Minute     // about the same thing
)

// preflighter is the part of the ledger that looks at its server's configuration.
type preflighter interface {
	Describe(ctx context.Context) (port.Description, error)
	Preflight(ctx context.Context) ([]store.Warning, error)
}

// suitedWatch asks again and again, after the check at the start, whether Redis forgets nothing: a
// server that took over from a failed one may be configured in another way, and so may the same one
// after an hour. A Redis that is found unsuited is still used, since the fleet would stand still
// otherwise. It is an error in the log, and an alarm.
type suitedWatch struct {
	ledger preflighter
	log    *slog.Logger

	unsuited atomic.Bool
	// The rest is Run's alone.
	server     string
	asked      time.Time
	complained time.Time
	said       string
}

// Suited reports what was found last; true before anything was.
func (w *suitedWatch) Suited() bool { return !w.unsuited.Load() }

// Run looks until ctx ends. It never fails.
func (w *suitedWatch) Run(ctx context.Context) error {
	tick := time.NewTicker(serverEvery)
	defer tick.Stop()
	for {
		w.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look asks a server that is new, that was refused, or that has not been asked for long. A server
// that does not answer proves nothing, and is asked again at the next look.
func (w *suitedWatch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	d, err := w.ledger.Describe(ctx)
	if err != nil || d.Server == w.server && w.Suited() && time.Since(w.asked) < preflightEvery {
		return
	}
	warnings, err := w.ledger.Preflight(ctx)
	if err != nil && !errors.Is(err, revocast.ErrUnsuited) {
		return
	}
	other := d.Server != w.server
	w.server, w.asked = d.Server, time.Now()
	w.unsuited.Store(err != nil)
	if other {
		for _, warning := range warnings {
			w.log.Warn("Redis: "+string(warning), "server", d.Server)
		}
	}
	w.report(err)
}

// report logs a refusal when it is new, and then once a minute.
func (w *suitedWatch) report(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == "" && w.said != "":
		w.log.Info("Redis is configured so that it forgets nothing", "server", w.server)
	case text != "" && time.Since(w.complained) >= complainEvery:
		w.complained = time.Now()
		w.log.Error("Redis may forget revocations as it is configured", "server", w.server, "error", err)
	}
	w.said = text
}
