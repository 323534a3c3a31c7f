package faults

import (
	"strings"
	"testing"
)

// at builds hand-written histories; times are bare numbers.
type script struct {
	reads  []Read
	writes []Write
}

func history(tokens ...script) *History {
	h := NewHistory()
	for _, s := range tokens {
		r := h.Track("token")
		for _, read := range s.reads {
			r.Check(read)
		}
		for _, w := range s.writes {
			r.Begin(&w)
		}
	}
	return h
}

func allowed(worker int, call, ret int64) Read { return Read{worker, call, ret, Allowed} }
func refused(worker int, call, ret int64) Read { return Read{worker, call, ret, Refused} }

func revoked(call, ret int64) Write { return Write{"revoke", Refused, call, ret} }
func lifted(call, ret int64) Write  { return Write{"lift", Allowed, call, ret} }

func TestModel(t *testing.T) {
	tests := []struct {
		name   string
		s      script
		legal  bool // by the promise
		strict bool // by the register at each worker too
	}{
		{"nothing happened", script{reads: []Read{allowed(0, 1, 2), allowed(1, 3, 4)}}, true, true},
		{"revoked before and after", script{
			[]Read{allowed(0, 1, 2), refused(0, 21, 22)}, []Write{revoked(10, 20)},
		}, true, true},
		{"allowed after the confirmation", script{[]Read{allowed(1, 21, 22)}, []Write{revoked(10, 20)}}, false, false},
		{"a check that began before the confirmation", script{
			[]Read{allowed(0, 19, 40)}, []Write{revoked(10, 20)},
		}, true, true},
		{"a check that began in the very instant", script{
			[]Read{allowed(0, 20, 40)}, []Write{revoked(10, 20)},
		}, true, true},
		{"refused though nobody revoked", script{reads: []Read{refused(0, 1, 2)}}, false, false},
		{"refused before anybody called", script{[]Read{refused(0, 1, 9)}, []Write{revoked(10, 20)}}, false, false},
		{"one worker sooner than the other", script{
			[]Read{refused(0, 11, 12), allowed(1, 13, 14)}, []Write{revoked(10, 20)},
		}, true, true},
		{"one worker forgets what it refused", script{
			[]Read{refused(0, 11, 12), allowed(0, 13, 14)}, []Write{revoked(10, 20)},
		}, true, false},
		{"an unconfirmed call may never take effect", script{
			[]Read{allowed(0, 50, 51)}, []Write{revoked(10, never)},
		}, true, true},
		{"an unconfirmed call may take effect late", script{
			[]Read{allowed(0, 50, 51), refused(0, 60, 61)}, []Write{revoked(10, never)},
		}, true, true},
		{"an unconfirmed call has no effect before it began", script{
			[]Read{refused(0, 5, 6)}, []Write{revoked(10, never)},
		}, false, false},
		{"a second call does not weaken the first", script{
			[]Read{allowed(0, 31, 32)}, []Write{revoked(10, 20), revoked(25, never)},
		}, false, false},
		{"banned and lifted", script{
			[]Read{refused(0, 21, 22), allowed(0, 41, 42)}, []Write{revoked(10, 20), lifted(30, 40)},
		}, true, true},
		{"still banned after the lift", script{
			[]Read{refused(0, 41, 42)}, []Write{revoked(10, 20), lifted(30, 40)},
		}, false, false},
		{"lift under way", script{
			[]Read{refused(0, 31, 32), allowed(0, 33, 34)}, []Write{revoked(10, 20), lifted(30, 40)},
		}, true, true},
		{"banned again", script{
			[]Read{allowed(0, 61, 62)}, []Write{revoked(10, 20), lifted(30, 40), revoked(50, 60)},
		}, false, false},
	}
	for _, test := range tests {
		for _, strict := range []bool{false, true} {
			want := test.legal
			if strict {
				want = test.strict
			}
			j := Judge(history(test.s), strict)
			if len(j.Undecided) > 0 || j.OK() != want {
				t.Errorf("%s (strict %v): legal %v, want %v: %+v", test.name, strict, j.OK(), want, j)
			}
		}
	}
}

// One illegal token among many legal ones is found and named, with the check that
// contradicts the confirmation.
func TestJudgeNamesTheToken(t *testing.T) {
	tokens := make([]script, 100)
	for i := range tokens {
		tokens[i] = script{[]Read{allowed(i%8, 1, 2), refused(i%8, 30, 40)}, []Write{revoked(10, 20)}}
	}
	tokens[57].reads = append(tokens[57].reads, allowed(3, 25, 26))
	j := Judge(history(tokens...), false)
	if len(j.Illegal) != 1 || j.Histories != 100 || j.Confirmed != 100 || j.Checks != 201 {
		t.Fatalf("%+v", j)
	}
	if want := ">         25ns"; !strings.Contains(j.Illegal[0], want) && !strings.Contains(j.Illegal[0], "> ") {
		t.Errorf("no mark in\n%s", j.Illegal[0])
	}
	if !strings.Contains(j.Illegal[0], "worker 3: allowed") {
		t.Errorf("the check is not shown in\n%s", j.Illegal[0])
	}
}

// Calls that are not answered do not grow the search: each check stands against a
// single value.
func TestJudgeIsQuickOnManyChecks(t *testing.T) {
	var s script
	for i := range int64(5000) {
		s.reads = append(s.reads, allowed(int(i%8), i*10, i*10+70))
	}
	s.writes = []Write{revoked(100, never), revoked(200, never)}
	if j := Judge(history(s), true); !j.OK() {
		t.Errorf("%+v", j)
	}
}
