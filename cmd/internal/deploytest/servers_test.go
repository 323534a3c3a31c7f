// Package deploytest holds the files in deploy against the servers and the
// programs that read them.
package deploytest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/revocast/revocast/cmd/internal/publishercmd"
	"github.com/revocast/revocast/cmd/internal/subscribercmd"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/deployfiles"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/store/storetest"
)

const (
	folder            = "../../../deploy/"
	publisherPassword = "publisher-password"
	workerPassword    = "worker-password"
	patience          = 20 * time.Second

	monitoring = "http: 127.0.0.1:8222" // a fixed port, which may be taken
	storing    = "store_dir: /data/jetstream"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"publisher":  func() { os.Exit(publishercmd.Main(os.Args[1:], wiring.StandardStreams())) },
		"subscriber": func() { os.Exit(subscribercmd.Main(os.Args[1:], wiring.StandardStreams())) },
	})
}

// leakChecked fails the run if tests left goroutines behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := leak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// natsServer runs nats.conf as it is, but for the ports and the folder.
func natsServer(t *testing.T) *eventstest.Server {
	t.Helper()
	return natsServerWith(t, func(conf string) string { return conf })
}

// natsServerWith runs what edit makes of nats.conf.
func natsServerWith(t *testing.T, edit func(conf string) string) *eventstest.Server {
	t.Helper()
	t.Setenv("NATS_PUBLISHER_PASSWORD", publisherPassword)
	t.Setenv("NATS_WORKER_PASSWORD", workerPassword)
	conf, err := os.ReadFile(folder + "nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	text := edit(string(conf))
	for _, want := range []string{"\njetstream {", "sync_interval: always\n", monitoring, storing} {
		if !strings.Contains(text, want) {
			t.Errorf("nats.conf does not say %q", want)
		}
	}
	return eventstest.NewServer(
		t, eventstest.WithConfig(strings.NewReplacer(monitoring, "", storing, "").Replace(text)),
	)
}

// redisServer runs with every directive of redis.conf but for the address and the
// folder, with the users that compose.yaml adds, and with more arguments.
func redisServer(t *testing.T, more ...string) *storetest.Server {
	t.Helper()
	var args []string
	for _, line := range redisDirectives(t) {
		words := strings.Fields(line)
		switch words[0] {
		case "bind", "port", "dir":
			continue
		}
		args = append(args, "--"+words[0])
		for _, w := range words[1:] {
			args = append(args, strings.Trim(w, `"`))
		}
	}
	return storetest.Redis(t, slices.Concat(args, redisUsers(t), more)...)
}

func redisDirectives(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(folder + "redis.conf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	for scan := bufio.NewScanner(f); scan.Scan(); {
		if line := strings.TrimSpace(scan.Text()); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

// redisUsers are the arguments of redis-server in compose.yaml after the file's name.
func redisUsers(t *testing.T) []string {
	t.Helper()
	users, err := deployfiles.ComposeRedis(map[string]string{
		"REDIS_PUBLISHER_PASSWORD": publisherPassword, "REDIS_WORKER_PASSWORD": workerPassword,
	})
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func composeServices(t *testing.T) map[string]deployfiles.Service {
	t.Helper()
	services, err := deployfiles.Compose()
	if err != nil {
		t.Fatal(err)
	}
	return services
}
