// Package dev is `publisher dev`: the whole product in one process, on a machine that
// has nothing installed. NATS and Redis are embedded, the workers and the API listen
// on the loopback, and a demo issuer logs anybody in.
//
// JetStream is on disk and is the only thing that outlives the process: the embedded
// Redis is empty after each start and refilled from it, which is the recovery that a
// real fleet goes through when it loses its Redis.
package dev
