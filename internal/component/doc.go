// Package component holds what the parts that a program runs have in common: how options are
// checked, how Run ends, and how long a part pauses before it asks a store again.
package component
