package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name   string
		events string
		want   string // in what is printed
		not    string // not in what is printed
		fails  bool
	}{
		{
			name: "passes quietly",
			events: `{"Action":"output","Package":"p","Test":"T","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			want: "ok  \tp\t0.1s\n1 tests passed", not: "chatter",
		},
		{
			name: "shows a failure",
			events: `{"Action":"output","Package":"p","Test":"T","Output":"broken\n"}
{"Action":"fail","Package":"p","Test":"T"}
{"Action":"fail","Package":"p"}`,
			want: "broken", fails: true,
		},
		{
			name: "shows what a dead process left",
			events: `{"Action":"output","Package":"p","Test":"T","Output":"panic: x\n"}
{"Action":"fail","Package":"p"}`,
			want: "panic: x", fails: true,
		},
		{
			name:   "a skipped test is a failure",
			events: `{"Action":"skip","Package":"p","Test":"T"}`,
			want:   "--- SKIP: p T", fails: true,
		},
		{
			name: "a package without tests is not",
			events: `{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}
{"Action":"skip","Package":"p"}`,
			want: "no test files",
		},
		{
			name:   "what is no event is printed",
			events: `go: downloading something`,
			want:   "go: downloading something",
		},
		{
			name:   "a build failure is printed",
			events: `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: wrong\n"}`,
			want:   "p.go:1: wrong",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(c.events)); err != nil {
				t.Fatal(err)
			}
			if err := r.verdict(); (err != nil) != c.fails {
				t.Errorf("verdict: %v, want failure %v", err, c.fails)
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("printed %q, want %q in it", out.String(), c.want)
			}
			if c.not != "" && strings.Contains(out.String(), c.not) {
				t.Errorf("printed %q, want no %q in it", out.String(), c.not)
			}
		})
	}
}
