// Package census counts the states of a ledger, to find out whether some have vanished.
package census
