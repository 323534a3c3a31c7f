package model

import (
	"slices"
	"strings"
)

// Case is one search: a model with its bounds, whole or without one safeguard.
type Case struct {
	Model    string   // "revoke" or "fleet"
	Bounds   []string // such as "L=3"; none: the model's own
	Without  string   // the macro that takes the safeguard out; empty: the base
	Thorough bool     // too long for the test suite
}

// Mutant reports whether a safeguard is missing, so that an error has to be found.
func (c Case) Mutant() bool { return c.Without != "" }

// String names the case as the models' own flags do.
func (c Case) String() string {
	parts := append([]string{c.Model}, c.Bounds...)
	if c.Mutant() {
		parts = append(parts, c.Without)
	}
	return strings.Join(parts, " ")
}

func (c Case) source() string {
	if c.Model == "fleet" {
		return fleetSource
	}
	return revokeSource
}

func (c Case) flags() []string {
	var flags []string
	for _, macro := range slices.Concat(c.Bounds, []string{c.Without}) {
		if macro != "" {
			flags = append(flags, "-D"+macro)
		}
	}
	return flags
}
