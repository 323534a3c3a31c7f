// Package client calls a publisher over HTTP, for services that hold no connection to Redis and
// NATS. A [Client] has the methods of a publisher in this process, with the same words and the
// same errors, so it can stand in for a publisher, for example in an account store's outbox.
//
//	c, err := client.New("https://publisher.internal:8080", client.Options{Token: token})
//	receipt, err := c.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
//
// # How long a call waits
//
// A call that writes waits for its strength until shortly before the context's deadline, so that
// the answer arrives in time, or as long as [Client.WithWait] says. With neither, the server
// chooses, and its default is 5 s. If the strength is not reached by then, the call returns the
// receipt with [revocast.ErrPending], and [Client.Await] waits for the rest. The server waits at
// most 30 s for one request.
//
// # Errors
//
// A refusal of a server is an [*Error]. It wraps the same sentinel of package revocast as the
// server's own error, so [errors.Is] works across the network. A request that reached no server
// wraps [revocast.ErrUnavailable]: nothing was done. A call that writes and got no answer wraps
// [revocast.ErrOutcomeUnknown]: it may have been done.
//
// Calls that write carry an idempotency key, a random one where none is given, and are repeated
// under that key when the connection broke or the outcome was unknown. So a repetition never has
// a second effect. Calls that read are not repeated.
package client
