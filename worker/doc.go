// Package worker is the read path of Revocast. A [Subscriber] keeps a worker's memory true: it
// hears the live tail, fills holes from the ledger's log, renews the lease and acknowledges
// what it has applied. A [Guard] answers from that memory whether a token or a session is
// still good, and asks the ledger where the memory cannot tell. [Guard.Middleware] is the
// guard in front of an HTTP handler.
package worker
