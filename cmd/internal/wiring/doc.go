// Package wiring is what both programs have in common: the command line's frame,
// logging, and the connections to NATS, Redis and the key sets made from flags.
package wiring
