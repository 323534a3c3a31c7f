// Package law has no code: its tests hold the whole repository to its rules. They are about who may
// import what, what a public struct of options does with nonsense, the words and the lines of the
// source, and that documents say what is there.
package law
