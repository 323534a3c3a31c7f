// Package script runs the Lua scripts of the stores on Redis, each as one atomic step and one round
// trip, and reports the outcome with the errors of package revocast.
package script

import (
	"crypto/sha1"
	"encoding/hex"
)

// Effect says what a lost reply leaves open.
type Effect uint8

// The effects.
const (
	Reads  Effect = iota // nothing: it may run again, and unanswered it is unavailable
	Repeat               // it changes something, and running it twice is running it once
	Once                 // it changes something and must not be run twice behind the caller's back
)

// Script is one step. It is never changed once made.
type Script struct {
	Name   string // as error texts have it
	Source string
	Effect Effect

	sha string // Redis compiles a script once and knows it by its hash
}

// New makes a script of parts and puts the shebang in front: it makes Redis treat the script as one
// that writes, and so refuse it on a replica and on a cut-off primary. With the memory used up only
// scripts of [NewGrowing] are refused. All others go on, and those that give memory back must.
func New(name string, e Effect, parts ...string) *Script {
	return of("#!lua flags=allow-oom\n", name, e, parts)
}

// NewGrowing is New for a script that adds to the store.
func NewGrowing(name string, e Effect, parts ...string) *Script {
	return of("#!lua\n", name, e, parts)
}

func of(shebang, name string, e Effect, parts []string) *Script {
	src := shebang
	for _, p := range parts {
		src += p
	}
	sum := sha1.Sum([]byte(src))
	return &Script{Name: name, Source: src, Effect: e, sha: hex.EncodeToString(sum[:])}
}
