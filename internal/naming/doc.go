// Package naming puts configured names into messages for people: shortened, quoted, and with
// the name that was probably meant.
package naming
