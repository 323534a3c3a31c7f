// Package problem writes errors as RFC 9457 application/problem+json.
//
// One table maps each sentinel of the root package to a type, a title, a status
// and, where there is something to do, a hint; [From] looks an error up in it and
// [Sentinel] goes the other way, for clients. What the table does not know is a 500
// whose detail says nothing about the inside of the program.
//
// The members of a problem are the five of RFC 9457 §3.1 that are of use here (type,
// title, status, detail; instance is never sent) and one extension, hint. The type
// is a name, "urn:revocast:problem:" and a slug, not a place on the network: match
// on it, not on title or detail, which are for people and may change.
package problem
