package dev

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// What the README tells people to paste is what the program prints, and the story
// quickstart.txtar runs what the program prints.
func TestReadmeShowsTheBanner(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	banner(&printed, "127.0.0.1:8080", []string{"127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"}, "")
	commands := 0
	for line := range strings.Lines(printed.String()) {
		command, isCommand := strings.CutPrefix(line, "   ")
		if !isCommand {
			continue
		}
		commands++
		if !strings.Contains(string(readme), "$ "+command) {
			t.Errorf("the README does not show: %s", command)
		}
	}
	if commands != 4 {
		t.Errorf("%d commands are printed, want 4", commands)
	}
}
