package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The README's commands do what the README says, one block after the other.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, try, _ := strings.Cut(string(text), "## Try it")
	try, _, found := strings.Cut(try, "## The endpoints")
	if !found {
		t.Fatal("the README has other headings")
	}
	f := start(t)
	ports := strings.NewReplacer(
		"http://127.0.0.1:8090", f.login, "http://127.0.0.1:8091", f.workers[0], "http://127.0.0.1:8092", f.workers[1],
	)
	var script, want strings.Builder
	blocks := regexp.MustCompile("(?s)```(sh|text)\n(.*?)```").FindAllStringSubmatch(try, -1)
	if len(blocks) != 8 {
		t.Fatalf("%d blocks, want four of commands and what each prints", len(blocks))
	}
	for _, b := range blocks {
		if b[1] == "sh" {
			script.WriteString(ports.Replace(b[2]))
		} else {
			want.WriteString(b[2])
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c",
		strings.ReplaceAll(script.String(), `"Authorization: Bearer $3"`, `"Authorization: Bearer ${3-}"`))
	cmd.Stderr = os.Stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want.String()), "…", `[\d.]+`) + "$"
	if !regexp.MustCompile(pattern).Match(got) {
		t.Errorf("it prints\n%s\nand the README says\n%s", got, want.String())
	}
	f.code("bob@example.com")
}
