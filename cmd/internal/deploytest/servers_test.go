// Package deploytest holds the files in deploy against the servers and the
// programs that read them.
package deploytest

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store/storetest"
)

const (
	folder            = "../../../deploy/"
	publisherPassword = "publisher-password"
	workerPassword    = "worker-password"
	patience          = 20 * time.Second
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// natsServer runs nats.conf as it is, but for the port and the folder.
func natsServer(t *testing.T) *eventstest.Server {
	t.Helper()
	t.Setenv("NATS_PUBLISHER_PASSWORD", publisherPassword)
	t.Setenv("NATS_WORKER_PASSWORD", workerPassword)
	conf, err := server.ProcessConfigFile(folder + "nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !conf.JetStream || !conf.SyncAlways {
		t.Errorf("nats.conf: JetStream %v, sync_interval always %v", conf.JetStream, conf.SyncAlways)
	}
	return eventstest.NewServer(t, eventstest.WithConfigure(func(o *server.Options) {
		host, port, dir := o.Host, o.Port, o.StoreDir
		*o = *conf
		o.Host, o.Port, o.StoreDir = host, port, dir
		o.HTTPHost, o.HTTPPort, o.NoSigs = "", 0, true
	}))
}

// redisServer runs with every directive of redis.conf but for the address and the
// folder, and with the users that compose.yaml adds.
func redisServer(t *testing.T) *storetest.Server {
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
	return storetest.Redis(t, append(args, redisUsers(t)...)...)
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
	command := composeCommands(t)["redis"]
	if len(command) < 3 || command[0] != "redis-server" {
		t.Fatalf("compose.yaml: redis is started by %q", command)
	}
	var users []string
	for _, word := range command[2:] {
		word = strings.ReplaceAll(word, "${REDIS_PUBLISHER_PASSWORD:?see env.example}", publisherPassword)
		users = append(users, strings.ReplaceAll(word, "${REDIS_WORKER_PASSWORD:?see env.example}", workerPassword))
	}
	return users
}

// composeCommands reads the command of each service out of compose.yaml. They are
// written as flow sequences of quoted words, which are JSON.
func composeCommands(t *testing.T) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(folder + "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, services, _ := strings.Cut(string(data), "\nservices:\n")
	services, _, _ = strings.Cut(services, "\nvolumes:\n")
	names := regexp.MustCompile(`(?m)^  ([a-z0-9-]+):$`).FindAllStringSubmatchIndex(services, -1)
	sequence := regexp.MustCompile(`(?ms)^    command: (\[.*?\])$`)
	trailing := regexp.MustCompile(`,\s*\]$`)
	commands := make(map[string][]string)
	for i, at := range names {
		end := len(services)
		if i+1 < len(names) {
			end = names[i+1][0]
		}
		found := sequence.FindStringSubmatch(services[at[1]:end])
		if found == nil {
			continue
		}
		var words []string
		if err := json.Unmarshal([]byte(trailing.ReplaceAllString(found[1], "]")), &words); err != nil {
			t.Fatalf("%s: %v", found[1], err)
		}
		commands[services[at[2]:at[3]]] = words
	}
	return commands
}
