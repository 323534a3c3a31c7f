// Package publisherapi is the publisher's HTTP interface: revocations in, receipts
// out, the fleet, live events, health.
//
// # Authentication
//
// Every /v1 path needs an API token as a bearer (RFC 6750 §2.1), or a client
// certificate that the TLS configuration has verified. /healthz, /readyz and
// /metrics need neither, so that probes and scrapers work; they tell nothing about
// who was revoked. [Options.Insecure] opens everything, for a program that listens
// on loopback alone. Nothing is open by default.
//
// POST /v1/logout is the one path with two forms. With {"token":…} in the body,
// Authorization is for the API token as everywhere. Without, the bearer in
// Authorization is the token to end, and nothing else is asked for: whoever holds a
// correctly signed token may end it, as the thief of a token gains nothing by that.
//
// # Waiting
//
// A request that writes is carried out to its end once it has been read, whether
// or not the client is still there: half a logout is none. The answer waits for the
// strength asked for, as long as [Options.RequestTimeout] or the parameter wait
// (such as ?wait=2s) says; then it is 202, and GET /v1/receipts/{epoch}-{rev} tells
// the rest.
//
// # Paths
//
// Ids stand percent-encoded in paths and may hold anything: "/" as %2F or as it is,
// "..", an empty segment. So paths are matched as they were sent; nothing is cleaned
// or redirected.
package publisherapi
