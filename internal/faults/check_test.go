package faults

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMeaning(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		want   Answer
		fails  bool
	}{
		{200, "", Allowed, false},
		{401, `{"type":"urn:revocast:problem:revoked","title":"x"}`, Refused, false},
		{401, `{"type":"urn:revocast:problem:invalid","title":"x"}`, Unknown, true},
		{401, `{"type":"urn:revocast:problem:missing-token"}`, Unknown, true},
		{503, `{"type":"urn:revocast:problem:revocation-unknown"}`, Unknown, false},
		{500, "", Unknown, true},
		{404, "", Unknown, true},
	} {
		got, err := meaning(test.status, []byte(test.body))
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%d %s: %s, %v", test.status, test.body, got, err)
		}
	}
}

// The stale cache is stale: it allows what it allowed before, for a while.
func TestStale(t *testing.T) {
	status := http.StatusOK
	worker := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }),
	)
	defer worker.Close()
	s, err := NewStale(strings.TrimPrefix(worker.URL, "http://"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(bearer string) int {
		answer := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/check", nil)
		r.Header.Set("Authorization", bearer)
		s.ServeHTTP(answer, r)
		return answer.Code
	}
	if got := ask("a"); got != http.StatusOK {
		t.Fatalf("%d", got)
	}
	status = http.StatusUnauthorized
	if a, b := ask("a"), ask("b"); a != http.StatusOK || b != http.StatusUnauthorized {
		t.Errorf("what it allowed before: %d; another: %d", a, b)
	}
	s.keeps = 0
	if got := ask("a"); got != http.StatusUnauthorized {
		t.Errorf("after its time: %d", got)
	}
}

func TestFigure(t *testing.T) {
	for _, test := range []struct {
		f    Figure
		want string
	}{
		{Figure{"x", 1.2, "s", 0, NoGoal}, "x: 1.200 s"},
		{Figure{"x", 1.2, "s", 1.5, AtMost}, "x: 1.200 s (goal 1.500 s)"},
		{Figure{"x", 1.6, "s", 1.5, AtMost}, "x: 1.600 s (goal 1.500 s: MISSED)"},
		{Figure{"x", 12.4, "MiB", 0, NoGoal}, "x: 12 MiB"},
		{Figure{"x", 0, "", 0, AtMost}, "x: 0 (goal 0)"},
		{Figure{"x", 1, "", 0, AtMost}, "x: 1 (goal 0: MISSED)"},
		{Figure{"x", 6000, "/s", 50_000, AtLeast}, "x: 6000 /s (goal 50000 /s: MISSED)"},
	} {
		if got := test.f.String(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
