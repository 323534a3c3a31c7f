package wiring

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

type dashGrammar struct {
	Show dashCmd  `cmd:"" help:"Show."`
	All  plainCmd `cmd:"" help:"All."`
}

type dashCmd struct {
	Scope string `arg:"" help:"Scope."`
	ID    string `arg:"" optional:"" name:"id" help:"Id."`
	Keep  string `help:"Keep."`
	JSON  bool   `name:"json" help:"JSON."`
}

func (c *dashCmd) Run(s *Streams) error {
	_, err := io.WriteString(s.Out, strings.Join([]string{c.Scope, c.ID, c.Keep, map[bool]string{true: "json"}[c.JSON]},
		"|"))
	return err
}

type plainCmd struct{}

func (c *plainCmd) Run() error { return WithCode(ExitRefused, nil) }

func TestArguments(t *testing.T) {
	for args, want := range map[string]string{
		"show session s":                  "session|s||",
		"show session -abc":               "session|-abc||",
		"show session -abc --json":        "session|-abc||json",
		"show --json session -abc":        "session|-abc||json",
		"show session --keep -k s":        "session|s|-k|",
		"show session --keep=-k -s":       "session|-s|-k|",
		"show --keep -k -- session --abc": "session|--abc|-k|",
		"show session -- -abc":            "session|-abc||",
		"show session -abc -- --json":     "usage", // two ids
		"show - --json":                   "-|||json",
		"show session --abc":              "usage",
		"show session s --keep=":          "usage",
		"show session s --keep --json":    "usage",
		"all":                             "refused",
	} {
		var out, errs strings.Builder
		code := execute(t.Context(), "test", "", &dashGrammar{}, strings.Fields(args), &Streams{Out: &out, Err: &errs})
		got := out.String()
		switch code {
		case ExitUsage:
			got = "usage"
		case ExitRefused:
			got = "refused" + errs.String()
		}
		if got != want {
			t.Errorf("%s: %q (%s), want %q", args, got, errs.String(), want)
		}
	}
}

func TestCodes(t *testing.T) {
	for want, err := range map[int]error{
		ExitDone: nil, ExitFailed: errors.New("x"), ExitUsage: Usage("x"),
		ExitPending: WithHint(WithCode(ExitPending, errors.New("x")), "y"),
		ExitUnknown: WithCode(ExitUnknown, errors.New("x")),
	} {
		if got := report(io.Discard, "test", err); got != want {
			t.Errorf("%v: exit code %d, want %d", err, got, want)
		}
	}
}

// TestInterrupted: a reading that nobody answers ends with its context.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, typing := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		r := Interruptible(ctx, in)
		go func() { _, _ = typing.Write([]byte("abc")) }()
		data := make([]byte, 2)
		var got []byte
		for len(got) < 3 {
			n, err := r.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, data[:n]...)
		}
		if !slices.Equal(got, []byte("abc")) {
			t.Errorf("read %q", got)
		}
		done := make(chan error, 1)
		go func() { _, err := r.Read(data); done <- err }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		typing.Close()
	})
}
