// Package revocasttest gives tests a fleet: an issuer of tokens, publishers, and workers that refuse
// what was revoked. It is for testing services that stand on Revocast.
//
//	f := revocasttest.Memory(t)
//	w := f.Worker(worker.Options{})
//	alice := f.Login("alice")
//	f.Allowed(alice.Token)
//	f.Revoke(revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
//	f.Refused(alice.Token)
//
// [Memory] needs no server. Its stores are a fake that keeps the contracts of package port, in one
// process and in microseconds, also in a bubble of testing/synctest, where hours pass immediately.
// [Real] starts a redis-server and a nats-server, with the library's own ledger and bus, for what a
// fake cannot show.
//
// Each worker and each publisher has links of its own to both stores. A test cuts them, silences
// them, or loses their replies, and sees what its service does then: see [Link].
//
// A service that only ends sessions needs no fleet: [Recorder] is a publisher that writes down what it
// is told.
package revocasttest
