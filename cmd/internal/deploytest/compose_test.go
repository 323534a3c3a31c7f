package deploytest

import (
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/revocast/revocast/cmd/internal/publishercmd"
	"github.com/revocast/revocast/cmd/internal/subscribercmd"
	"github.com/revocast/revocast/cmd/internal/wiring"
)

// TestComposeCommands: every command line in compose.yaml is one that the programs take.
func TestComposeCommands(t *testing.T) {
	commands := composeServices(t)
	want := []string{"init", "nats", "publisher-1", "publisher-2", "redis", "worker-1", "worker-2", "worker-3"}
	if got := slices.Sorted(maps.Keys(commands)); !slices.Equal(got, want) {
		t.Fatalf("compose.yaml has commands for %q, want %q", got, want)
	}
	for _, name := range want {
		if grammar := grammarOf(name); grammar != nil {
			if err := parses(grammar, commands[name].Command); err != nil {
				t.Errorf("%s: %q: %v", name, commands[name].Command, err)
			}
		}
	}
	if err := parses(&publishercmd.Grammar{}, []string{"serve", "--no-such-flag"}); err == nil {
		t.Error("a flag that does not exist was taken")
	}
}

func grammarOf(service string) any {
	switch {
	case service == "init" || strings.HasPrefix(service, "publisher"):
		return &publishercmd.Grammar{}
	case strings.HasPrefix(service, "worker"):
		return &subscribercmd.Grammar{}
	}
	return nil
}

func parses(grammar any, args []string) error {
	streams := &wiring.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
	parser, err := wiring.NewParser("program", "", grammar, streams, func(int) {})
	if err == nil {
		_, err = parser.Parse(args)
	}
	return err
}

// TestComposeEnvironment: what compose.yaml asks for is in env.example, and each
// REVOCAST_ variable that it sets is a flag's.
func TestComposeEnvironment(t *testing.T) {
	compose, err := os.ReadFile(folder + "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(folder + "env.example")
	if err != nil {
		t.Fatal(err)
	}
	known := help(t, &publishercmd.Grammar{}, "serve", "init") + help(t, &subscribercmd.Grammar{}, "serve")
	for line := range strings.Lines(string(compose)) {
		for _, asked := range strings.Split(line, "${")[1:] {
			name, _, _ := strings.Cut(asked, ":")
			if !strings.Contains(string(example), name+"=") {
				t.Errorf("env.example does not have %s", name)
			}
		}
		if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && strings.HasPrefix(name, "REVOCAST_") &&
			!strings.Contains(known, "$"+name) {
			t.Errorf("compose.yaml sets %s, which is no flag's", name)
		}
	}
}

func help(t *testing.T, grammar any, commands ...string) string {
	t.Helper()
	var out strings.Builder
	for _, command := range commands {
		streams := &wiring.Streams{In: strings.NewReader(""), Out: &out, Err: io.Discard}
		parser, err := wiring.NewParser("program", "", grammar, streams, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = parser.Parse([]string{command, "--help"}) // required flags are missing, the help is printed first
	}
	return out.String()
}
