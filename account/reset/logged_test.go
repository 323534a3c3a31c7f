package reset_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/reset"
)

// TestWhatIsLeftBehindIsLogged: the caller is told something worse, and an operator the rest.
func TestWhatIsLeftBehindIsLogged(t *testing.T) {
	var log bytes.Buffer
	r, _ := embedded(t, reset.Options{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		End:    func(context.Context, string, string) error { return errors.New("they are away") },
	})
	r.users.after = func() error { return errors.New("connection lost") }
	r.change("new", revocast.ErrOutcomeUnknown)
	if !strings.Contains(log.String(), "other stores still hold what is ended") {
		t.Errorf("logged %q", log.String())
	}
	log.Reset()
	r, _ = embedded(t, reset.Options{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		End:    func(context.Context, string, string) error { return nil },
	})
	r.users.after = func() error { return errors.New("connection lost") }
	r.change("new", revocast.ErrOutcomeUnknown)
	if log.Len() != 0 {
		t.Errorf("nothing is left behind, and logged is %q", log.String())
	}
}

// TestALateCutOffThatIsNotWrittenIsLogged, because the first one may spare a login.
func TestALateCutOffThatIsNotWrittenIsLogged(t *testing.T) {
	var log bytes.Buffer
	var c clock
	r, _ := embedded(t, reset.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r.reset.SetClock(c.now)
	r.users.before = func(string) error {
		c.ahead += time.Minute
		return nil
	}
	r.users.after = func() error {
		r.faults.arm(false)
		return errors.New("connection lost")
	}
	r.change("new", revocast.ErrOutcomeUnknown)
	r.faults.mend()
	if !strings.Contains(log.String(), "too late for its cut-off") {
		t.Errorf("logged %q", log.String())
	}
}
