// Package apitoken says who may call the publisher's API and what for.
//
// A file holds one token a line. A line is `name sha256:<hex> right…`, made by `publisher token`,
// or in the older forms `name:token` and `token`, which give every right. Empty lines and lines
// that start with # are skipped. After the rights may stand restrictions, and an end:
//
//	ci sha256:9f86…0a08 read revoke issuer=https://id.example scope=session until=2027-01-01T00:00:00Z
//
// What no right allows is refused. The hash is a plain SHA-256, because a token is random and long
// and cannot be found by trying.
package apitoken
