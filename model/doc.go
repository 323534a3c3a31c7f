// Package model checks the protocol itself, apart from its code: two Promela models,
// run by Spin through every interleaving, and their mutants, each of which lacks one
// safeguard and must be found wanting. README.md ties the safeguards to the code.
//
// It needs spin 6.5 or later and a C compiler. [Run] is safe for concurrent use; every
// call works in a folder of its own.
package model
