package faults

import (
	"fmt"
	"strings"
)

// Figure is something that was measured, and its goal if there is one.
type Figure struct {
	Name  string
	Value float64
	Unit  string
	Goal  float64
	Want  Want // what Goal means
}

// Want says which way a figure's goal lies.
type Want uint8

// The ways.
const (
	NoGoal Want = iota
	AtMost
	AtLeast
)

// Missed reports whether there is a goal and it was not reached.
func (f Figure) Missed() bool {
	return f.Want == AtMost && f.Value > f.Goal || f.Want == AtLeast && f.Value < f.Goal
}

// String returns name, value and goal in one line.
func (f Figure) String() string {
	text := fmt.Sprintf("%s: %s", f.Name, quantity(f.Value, f.Unit))
	switch {
	case f.Missed():
		text += fmt.Sprintf(" (goal %s: MISSED)", quantity(f.Goal, f.Unit))
	case f.Want != NoGoal:
		text += fmt.Sprintf(" (goal %s)", quantity(f.Goal, f.Unit))
	}
	return text
}

func quantity(v float64, unit string) string {
	if unit == "s" {
		return fmt.Sprintf("%.3f s", v)
	}
	return strings.TrimSpace(fmt.Sprintf("%.0f %s", v, unit))
}
