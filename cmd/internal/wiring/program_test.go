package wiring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type testGrammar struct {
	Go testCmd `cmd:"" help:"Go."`
}

type testCmd struct {
	Wait time.Duration `default:"5s" help:"How long."`
	Fail string        `help:"How to fail."`
}

func (c *testCmd) Run(ctx context.Context, s *Streams) error {
	switch c.Fail {
	case "usage":
		return Usage("wrong flags")
	case "hint":
		return fmt.Errorf("outer: %w", WithHint(errors.New("one\ntwo"), "do %s", "that"))
	case "server":
		return &client.Error{Title: "No", Status: 400, Hint: "ask nicely"}
	case "ended":
		return ctx.Err()
	}
	fmt.Fprintln(s.Out, "waited", c.Wait)
	return nil
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args, env string
		code      int
		out, err  string
	}{
		{args: "go", code: ExitDone, out: "waited 5s\n"},
		{args: "go --wait 1s", code: ExitDone, out: "waited 1s\n"},
		{args: "go", env: "2s", code: ExitDone, out: "waited 2s\n"},
		{args: "go --help", code: ExitDone, out: "$REVOCAST_WAIT"},
		{args: "", code: ExitUsage, err: "test: expected \"go\"\n  hint: test --help"},
		{args: "go --wait soon", code: ExitUsage, err: "soon"},
		{args: "go", env: "soon", code: ExitUsage, err: "REVOCAST_WAIT"},
		{args: "go --fail usage", code: ExitUsage, err: "test: wrong flags\n"},
		{args: "go --fail hint", code: ExitFailed, err: "test: outer: one; two\n  hint: do that\n"},
		{args: "go --fail server", code: ExitFailed, err: "test: No (HTTP 400)\n  hint: ask nicely\n"},
	} {
		t.Run(c.args+c.env, func(t *testing.T) {
			if c.env != "" {
				t.Setenv("REVOCAST_WAIT", c.env)
			}
			var out, errs strings.Builder
			code := execute(t.Context(), "test", "", &testGrammar{}, strings.Fields(c.args),
				&Streams{Out: &out, Err: &errs})
			if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.err) {
				t.Errorf("exit code %d, want %d\nstdout: %q, want %q\nstderr: %q, want %q", code, c.code, out.String(),
					c.out, errs.String(), c.err)
			}
		})
	}
}
