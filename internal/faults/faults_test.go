package faults

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/tcplink"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestFaults is the short run: one rig with a short lease, each kind of fault once,
// then faults drawn from a seed, then the proof that a worker which answers from a
// stale memory is found out. `make faults` is the long one. FAULTS_SEED chooses the
// seed.
func TestFaults(t *testing.T) {
	storetest.Redis(t) // leaves the test out where there is no redis-server
	readSources(t)
	dir := shortDir(t)
	programs := filepath.Join(dir, "bin")
	began := time.Now()
	if err := Build(t.Context(), programs); err != nil {
		t.Fatal(err)
	}
	t.Logf("built after %s", time.Since(began).Round(time.Millisecond))
	shape := Shape{Workers: 4, Publishers: 2, Nodes: 1, Lease: time.Second}
	rig, err := NewRig(t.Context(), dir, programs, shape)
	if rig != nil {
		t.Cleanup(rig.Close)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("up after %s", time.Since(began).Round(time.Millisecond))

	totals := &Totals{Began: time.Now()}
	seed := seed(t)
	t.Run("each", func(t *testing.T) {
		try(t, rig, Scenario{Name: "each", What: "each kind of fault once", Run: each}, seed, totals)
	})
	t.Run("drawn", func(t *testing.T) { try(t, rig, Drawn(seed, shape), seed, totals) })
	var report strings.Builder
	totals.Print(&report)
	t.Log(report.String())
	t.Run("stale", func(t *testing.T) { staleIsFound(t, rig) })
}

func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("FAULTS_SEED")
	if text == "" {
		return 4
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func try(t *testing.T, rig *Rig, s Scenario, seed uint64, totals *Totals) {
	t.Helper()
	o := Try(t.Context(), rig, s, seed,
		Pace{Actors: 4, Rest: 200 * time.Millisecond, Checkers: 2, Every: 20 * time.Millisecond})
	totals.Add(o)
	var report strings.Builder
	o.Print(&report)
	t.Logf("seed %d\n%s", seed, report.String())
	if !o.OK() {
		t.Fail()
	}
	if o.Confirmed == 0 || o.Checks == 0 {
		t.Errorf("%d confirmed calls and %d checks show nothing", o.Confirmed, o.Checks)
	}
}

// each is each kind of fault once, several at a time where they lose nothing.
func each(ctx context.Context, t *Trial) error {
	steps := []func() error{
		func() error { // a worker that is killed, one that is stopped, one that is cut off one way
			t.Workers[0].Kill()
			t.Workers[2].Redis.Set(tcplink.Back, tcplink.Lose)
			for _, l := range t.Workers[2].NATS {
				l.Set(tcplink.Out, tcplink.Hold)
			}
			return errors.Join(t.Workers[1].Pause(), t.probes(ctx, "confirmation without three workers", 3, 0))
		},
		func() error { t.Heal(); return t.Healthy(ctx) },
		func() error { // no NATS, and one publisher less
			t.KillNodes()
			t.Publishers[1].Kill()
			return t.commitInForce(ctx, "committed revocation in force without NATS", 0)
		},
		func() error { t.Heal(); return t.NodesServe(ctx) },
		func() error { return t.restartRedis(ctx, t.Lease*5/4, asItIs) },
		func() error { return t.DeleteStream(ctx, true) },
		func() error {
			since := t.h.Now()
			defer func() { t.Measure("stream whole again", time.Duration(t.h.Now()-since), 0) }()
			return t.AwaitAudit(ctx)
		},
		func() error { return t.emptied(ctx) },
		func() error { return t.restartAll(ctx, t.Processes()) },
		func() error { return t.comesBack(ctx, t.h.Now(), 0) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// staleIsFound puts a cache in front of a worker that keeps what it allowed: porcupine
// must reject the history.
func staleIsFound(t *testing.T, rig *Rig) {
	w := rig.Workers[len(rig.Workers)-1]
	s, err := NewStale(w.Addr, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w.Via = s.Addr()
	defer func() { w.Via = "" }()
	load := NewLoad(rig, 1)
	load.Start(t.Context(), Pace{Actors: 4, Rest: 200 * time.Millisecond, Checkers: 2, Every: 20 * time.Millisecond})
	pause(t.Context(), 2500*time.Millisecond)
	load.Stop()
	rig.http.CloseIdleConnections()
	if len(load.wrong) > 0 {
		t.Fatal(load.wrong)
	}
	found := Judge(load.h, false)
	if len(found.Illegal) == 0 {
		t.Fatalf("a worker behind a stale cache was not found out: %+v", found)
	}
	t.Logf("%d illegal histories of %d, such as %s", len(found.Illegal), found.Histories, found.Illegal[0])
	if rest := Judge(without(load.h, w.Number), false); !rest.OK() {
		t.Errorf("illegal without that worker, too: %s", rest.Illegal[0])
	}
}

// without is a history without the checks at one worker.
func without(h *History, worker int) *History {
	rest := NewHistory()
	for _, r := range h.Records() {
		reads, writes := r.snapshot()
		record := rest.Track(r.name)
		for _, read := range reads {
			if read.Worker != worker {
				record.Check(read)
			}
		}
		for _, w := range writes {
			record.Begin(&w)
		}
	}
	return rest
}

// shortDir is a temporary folder whose logs are shown when the test fails.
func shortDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, name := range logs {
			p := Process{log: name}
			t.Logf("%s\n%s", filepath.Base(name), p.Tail(15))
		}
	})
	return dir
}

// readSources reads what the programs are built from. The go tool does not see what the
// build reads, and would take a result from before a change out of its cache; what the
// test itself opens it sees.
func readSources(t *testing.T) {
	t.Helper()
	root, read := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() &&
			(strings.HasPrefix(d.Name(), ".") && name != root || d.Name() == "testdata" || d.Name() == "bin"):
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		if ext := filepath.Ext(name); ext != ".go" && ext != ".lua" && d.Name() != "go.mod" {
			return nil
		}
		read++
		_, err = os.ReadFile(name)
		return err
	})
	if err != nil || read < 100 {
		t.Fatalf("%d sources read: %v", read, err)
	}
}
