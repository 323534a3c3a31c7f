package faults

import (
	"strings"
	"testing"
	"time"
)

var testShape = Shape{Workers: 8, Publishers: 2, Nodes: 3, Lease: 3 * time.Second}

// The same seed gives the same schedule, another one another.
func TestDrawnRepeats(t *testing.T) {
	for _, replica := range []bool{false, true} {
		shape := testShape
		shape.Replica = replica
		schedules := make(map[string]bool)
		for seed := range uint64(200) {
			s := Drawn(seed, shape)
			if again := Drawn(seed, shape); again.What != s.What || again.Strict != s.Strict {
				t.Fatalf("seed %d: %s, then %s", seed, s.What, again.What)
			}
			schedules[s.What] = true
		}
		if len(schedules) < 190 {
			t.Errorf("200 seeds give %d schedules", len(schedules))
		}
	}
}

// Every kind of fault is drawn, each lasts as long as it may, and a schedule that may
// lose what Redis had is not held to the stricter model.
func TestDrawnCoversEverything(t *testing.T) {
	missing := map[string]bool{
		"killed": true, "stopped": true, "cut": true, "held up both ways": true, "held up on the way out": true,
		"held up on the way back": true, "lost both ways": true, "lost on the way out": true,
		"lost on the way back":   true,
		"every NATS node killed": true, "every NATS node stopped": true, "nats-2 killed": true, "Redis killed,": true,
		"Redis stopped": true, "FLUSHALL": true, "stream deleted,": true, "stream deleted and made again": true,
		"stream full": true, "its file deleted": true, "older file": true, "replica promoted": true,
		"publisher-1 killed": true, "publisher-2 stopped": true, "worker-8 stopped": true,
	}
	for _, replica := range []bool{false, true} {
		shape := testShape
		shape.Replica = replica
		for seed := range uint64(2000) {
			s := Drawn(seed, shape)
			for kind := range missing {
				if strings.Contains(s.What, kind) {
					delete(missing, kind)
				}
			}
			if strings.Contains(s.What, "publisher-2 killed") {
				t.Fatalf("seed %d kills the last publisher: %s", seed, s.What)
			}
			for _, loss := range []string{"FLUSHALL", "its file deleted", "older file", "promoted"} {
				if strings.Contains(s.What, loss) && s.Strict {
					t.Fatalf("seed %d is strict: %s", seed, s.What)
				}
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("never drawn: %v", missing)
	}
}

func TestLasting(t *testing.T) {
	var least, most time.Duration = time.Hour, 0
	for seed := range uint64(5000) {
		d := lasting(NewLoad(nil, seed).random(0), testShape)
		least, most = min(least, d), max(most, d)
	}
	if least < 100*time.Millisecond || least > 150*time.Millisecond || most > 3*testShape.Lease+100*time.Millisecond ||
		most < 2*testShape.Lease {
		t.Errorf("from %s to %s", least, most)
	}
}
