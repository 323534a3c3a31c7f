package property_test

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/revocast/revocast/internal/property"
)

// outer is a test that a property is a part of.
type outer struct {
	testing.TB
	failed bool
	log    strings.Builder
}

func (o *outer) Helper()                   {}
func (o *outer) Failed() bool              { return o.failed }
func (o *outer) Log(args ...any)           { fmt.Fprintln(&o.log, args...) }
func (o *outer) Logf(f string, a ...any)   { fmt.Fprintf(&o.log, f+"\n", a...) }
func (o *outer) Errorf(f string, a ...any) { o.Logf(f, a...); o.failed = true }
func (o *outer) Fatalf(f string, a ...any) { o.Logf(f, a...); o.FailNow() }
func (o *outer) FailNow()                  { o.failed = true; runtime.Goexit() }

// check runs a property as a test of its own would.
func check(holds func(o *outer, t *property.T)) *outer {
	o, ended := &outer{}, make(chan struct{})
	go func() {
		defer close(ended)
		property.Check(o, func(t *property.T) { holds(o, t) })
	}()
	<-ended
	return o
}

func (o *outer) wants(t *testing.T, failed bool, texts ...string) {
	t.Helper()
	if o.failed != failed {
		t.Errorf("failed: %v, want %v", o.failed, failed)
	}
	for _, text := range texts {
		if !strings.Contains(o.log.String(), text) {
			t.Errorf("%q is not said", text)
		}
	}
	if t.Failed() {
		t.Logf("it said:\n%s", &o.log)
	}
}

func TestPropertyThatHolds(t *testing.T) {
	runs := 0
	o := check(func(_ *outer, t *property.T) {
		runs++
		if n := property.IntRange(3, 50).Draw(t, "n"); n < 3 || n > 50 {
			t.Errorf("drew %d", n)
		}
	})
	if o.wants(t, false); runs != 100 && runs != 20 || o.log.Len() > 0 {
		t.Errorf("%d runs, %q", runs, &o.log)
	}
}

func TestSmallestFailingCase(t *testing.T) {
	for name, fail := range map[string]func(t *property.T, n int){
		"errorf": func(t *property.T, n int) { t.Errorf("too much: %d", n) },
		"error":  func(t *property.T, n int) { t.Error("too much:", n) },
		"fatalf": func(t *property.T, n int) { t.Fatalf("too much: %d", n) },
		"fatal":  func(t *property.T, n int) { t.Fatal("too much:", n) },
		"panic":  func(_ *property.T, n int) { panic(fmt.Sprint("too much: ", n)) },
	} {
		t.Run(name, func(t *testing.T) {
			o := check(func(_ *outer, t *property.T) {
				property.SliceOfN(property.Byte(), 0, 8).Draw(t, "of no matter")
				n := property.Uint64Range(0, 1<<40).Draw(t, "n")
				if text := property.StringOf("xyz", 0, 5).Draw(t, "text"); n >= 777 && text != "" {
					fail(t, int(n))
				}
			})
			o.wants(t, true, "of no matter: []", "n: 777", `text: "x"`, "too much: 777", "PROPERTY_SEED=",
				"property_test.go:")
		})
	}
}

func TestSeedRepeatsTheCase(t *testing.T) {
	holds := func(_ *outer, t *property.T) {
		if all := property.SliceOfN(property.IntRange(-5, 100), 0, 20).Draw(t, "all"); slices.Contains(all, 50) {
			t.Fatal("there it is")
		}
	}
	t.Setenv("PROPERTY_CASES", "100000")
	o := check(holds)
	o.wants(t, true, "all: [50]")
	seed := regexp.MustCompile(`PROPERTY_SEED=(\d+)`).FindStringSubmatch(o.log.String())[1]
	t.Setenv("PROPERTY_SEED", seed)
	runs := 0
	again := check(func(o *outer, t *property.T) { runs++; holds(o, t) })
	again.wants(t, true, "all: [50]", "PROPERTY_SEED="+seed)
	if runs > 1000 {
		t.Errorf("%d runs", runs)
	}
	t.Setenv("PROPERTY_SEED", "x")
	check(holds).wants(t, true, "PROPERTY_SEED: ")
}

// TestRepeat: steps that do not matter go, the others stay in their order.
func TestRepeat(t *testing.T) {
	for range 30 {
		testRepeat(t)
	}
}

func testRepeat(t *testing.T) {
	t.Helper()
	o := check(func(_ *outer, t *property.T) {
		var done []int
		t.Repeat(map[string]func(*property.T){
			"nothing": func(*property.T) {},
			"push":    func(t *property.T) { done = append(done, property.IntRange(0, 30).Draw(t, "pushed")) },
			"pop":     func(*property.T) { done = done[:max(0, len(done)-1)] },
			"": func(t *property.T) {
				if len(done) == 3 && done[1] > done[0] {
					t.Errorf("sorted: %v", done)
				}
			},
		})
	})
	if o.wants(t, true, "sorted: [0 1 0]"); strings.Count(o.log.String(), "action: ") != 3 {
		t.Errorf("want three actions:\n%s", &o.log)
	}
}

// TestCheckComesFirst: before any action.
func TestCheckComesFirst(t *testing.T) {
	o := check(func(_ *outer, t *property.T) {
		t.Repeat(map[string]func(*property.T){
			"act": func(*property.T) {},
			"":    func(t *property.T) { t.Error("here") },
		})
	})
	if o.wants(t, true, "here"); strings.Contains(o.log.String(), "action: ") {
		t.Errorf("want no action:\n%s", &o.log)
	}
}

// TestSmallestIsStillOfTheGenerator: a smaller case keeps to what its generators promise.
func TestSmallestIsStillOfTheGenerator(t *testing.T) {
	for range 30 {
		o := check(func(_ *outer, t *property.T) {
			some := property.SliceOfN(property.IntRange(1, 900), 2, 5).Draw(t, "some")
			order := property.Permutation([]int{1, 2, 3}).Draw(t, "order")
			n := property.IntRange(-100, 5).Draw(t, "n")
			if len(some) < 2 || len(some) > 5 || slices.Min(some) < 1 || len(order) != 3 || n > 5 {
				t.Error("outside")
			}
			if slices.Max(some) > 70 {
				t.Error("large")
			}
		})
		o.wants(t, true, "order: [1 2 3]", "n: 0", "large")
		if text := o.log.String(); strings.Contains(text, "outside") || !strings.Contains(text, "some: [1 71]") &&
			!strings.Contains(text, "some: [71 1]") {
			t.Errorf("it said:\n%s", text)
		}
	}
}

// TestOuterTestEnds: what a property uses may fail the outer test.
func TestOuterTestEnds(t *testing.T) {
	runs := 0
	fatal := func(o *outer, t *property.T) { runs++; property.Just(7).Draw(t, "n"); o.Fatalf("no server") }
	o := check(fatal)
	if o.wants(t, true, "no server", "PROPERTY_SEED="); runs != 1 {
		t.Errorf("%d runs", runs)
	}
	o = check(func(o *outer, _ *property.T) { runs++; o.Errorf("no server") })
	if o.wants(t, true, "no server", "PROPERTY_SEED="); runs != 2 {
		t.Errorf("%d runs", runs-1)
	}
	t.Setenv("PROPERTY_SEED", "1")
	check(fatal).wants(t, true, "no server", "n: 7")
}

func TestCaseThatDependsOnMoreThanItDraws(t *testing.T) {
	runs := 0
	o := check(func(_ *outer, t *property.T) {
		if runs++; runs == 1 {
			t.Fatal("the first time")
		}
	})
	o.wants(t, true, "the first time", "not when repeated", "PROPERTY_SEED=")
}

// TestLoopOfDraws: a smaller case of a loop that draws whether it goes on must end.
func TestLoopOfDraws(t *testing.T) {
	o := check(func(_ *outer, t *property.T) {
		n := 0
		for property.IntRange(0, 2).Draw(t, "again") == 0 {
			if n++; n == 2 {
				t.Fatal("twice")
			}
		}
	})
	o.wants(t, true, "twice")
}

func TestCasesThatDoNotFitAreNotPassed(t *testing.T) {
	o := check(func(_ *outer, t *property.T) {
		property.SliceOfNDistinct(property.Bool(), 3, 4, func(b bool) bool { return b }).Draw(t, "three of two")
	})
	o.wants(t, true, "were discarded")
}
