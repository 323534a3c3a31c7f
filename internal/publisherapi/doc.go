// Package publisherapi is the publisher's HTTP interface: revocations in, receipts
// out, the fleet, live events, health.
//
// # Authentication
//
// Every /v1 path needs an API token as a bearer (RFC 6750 §2.1), or a client certificate that the
// TLS configuration has verified. /healthz, /readyz and /metrics need neither, so that probes and
// scrapers work; they reveal nothing about who was revoked. [Options.Insecure] opens everything,
// for a program that listens on loopback alone. Nothing is open by default.
//
// POST /v1/logout is the one path with two forms. With {"token":…} in the body, Authorization
// holds the API token as everywhere else. Without it, the bearer in Authorization is the token to
// end, and nothing else is needed: anybody who holds a correctly signed token may end it, since a
// thief of a token gains nothing by that.
//
// # Waiting
//
// Once a request that writes has been read, it is carried out to its end, even if the client is
// gone: half a logout is no logout. The answer waits for the strength asked for, as long as
// [Options.RequestTimeout] or the parameter wait (such as ?wait=2s) says; then the answer is 202,
// and GET /v1/receipts/{epoch}-{rev} shows the rest.
//
// # Paths
//
// Ids are percent-encoded in paths and may hold anything: "/" as %2F or literally, "..", an empty
// segment. So paths are matched as they were sent, and nothing is cleaned or redirected.
package publisherapi
