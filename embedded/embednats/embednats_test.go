package embednats_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/revocast/revocast/embedded/embednats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server and returns its URL and what stops it.
func start(t *testing.T, o embednats.Options) (address string, stop func()) {
	t.Helper()
	s, err := embednats.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if s.URL() != "" {
		t.Error("a server that does not run has a URL")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case err := <-ended:
		cancel()
		t.Fatal(err)
	}
	return s.URL(), func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestDataSurvivesARestart(t *testing.T) {
	o := embednats.Options{Dir: filepath.Join(t.TempDir(), "made", "by", "run"), Port: -1}
	address, stop := start(t, o)
	withJetStream(t, address, func(js jetstream.JetStream) {
		if _, err := js.CreateStream(t.Context(),
			jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), "s", []byte("kept")); err != nil {
			t.Fatal(err)
		}
	})
	stop()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if o.Port, err = strconv.Atoi(u.Port()); err != nil {
		t.Fatal(err)
	}
	again, stop := start(t, o)
	defer stop()
	if again != address {
		t.Errorf("came back at %s, was at %s", again, address)
	}
	withJetStream(t, again, func(js jetstream.JetStream) {
		stream, err := js.Stream(t.Context(), "S")
		if err != nil {
			t.Fatal(err)
		}
		if m, err := stream.GetMsg(t.Context(), 1); err != nil || string(m.Data) != "kept" {
			t.Errorf("read %v, %v", m, err)
		}
	})
}

func withJetStream(t *testing.T, address string, use func(jetstream.JetStream)) {
	t.Helper()
	nc, err := nats.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	use(js)
}

func TestUserAndPassword(t *testing.T) {
	address, stop := start(t, embednats.Options{NoJetStream: true, Port: -1, User: "u", Password: "p"})
	defer stop()
	if nc, err := nats.Connect(address); err == nil {
		nc.Close()
		t.Error("connected without the password")
	}
	nc, err := nats.Connect(address, nats.UserInfo("u", "p"))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, want string
		o          embednats.Options
	}{
		{"port in use", "in use", embednats.Options{Dir: t.TempDir(), Port: taken.Addr().(*net.TCPAddr).Port}},
		{"no such host", "cannot listen", embednats.Options{Dir: t.TempDir(), Host: "256.0.0.1", Port: 4999}},
		{"directory is a file", "data directory", embednats.Options{Dir: file, Port: -1}},
		{"directory cannot be written", "data directory", embednats.Options{Dir: "/proc/revocast", Port: -1}},
	}
	for _, test := range tests {
		s, err := embednats.New(test.o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want it to say %q", test.name, err, test.want)
		}
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	for _, o := range []embednats.Options{{}, {Dir: "d", Port: -2}, {Dir: "d", Port: 70000}} {
		if _, err := embednats.New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}
