// Package apiclient calls the publisher's HTTP interface and the sidecar's verdict.
//
// A problem document becomes an [*Error], which tells status, detail and hint and
// unwraps to the root package's sentinel, so errors.Is works across the network. A
// 202 comes back as on the library: the receipt, beside [revocast.ErrPending].
//
// Writing calls carry an Idempotency-Key, a random one where none is given, and are
// repeated when the connection broke or the outcome was unknown: that cannot do
// anything twice.
package apiclient
