// Package names keeps names out of the stores.
//
// What the stores hold of a name is a [revocast.Key], a hash. Names can be guessed: somebody who reads a
// store can hash a mail address and look whether it is there. A realm therefore has a name secret,
// a file that publishers and workers have and the stores do not. A key is then
//
//	HMAC-SHA-256(secret, plain key), its first 16 bytes
//
// where the plain key is what [revocast.KeyOf] returns. With several secrets, the key that one of them
// makes is what the next one is applied to. So a realm whose secret may be known to others gets one
// more: the keys that it has are made with it, and nobody has to know the names.
//
// A worker needs the secret, to find what stands against a token. So somebody who has taken over a
// worker can still test guesses, by asking. What protects against that is what the worker's users may
// read: see deploy.
package names
