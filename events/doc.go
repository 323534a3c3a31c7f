// Package events is the broadcast of package revocast on NATS: it carries every
// revocation to every worker, keeps it in JetStream as the second log, and carries
// the workers' acknowledgements back. [Bus] implements [port.Bus].
//
// # Subjects and streams of a realm
//
//	rv.<realm>.ev.<kind>             events, one subject per kind   stream RV_<realm>
//	rv.<realm>.epoch                 the epoch record               stream RVEPOCH_<realm>
//	rv.<realm>.snap.head             the latest snapshot's closing  stream RVSNAP_<realm>
//	rv.<realm>.snap.<slot>.<id>.<n>  one chunk of a snapshot        stream RVSNAP_<realm>
//	rv.<realm>.ack.<class>.<worker>  acknowledgements, core NATS only
//
// No subject holds anything that a user chose: the name of what is revoked is in the payload, as a
// hash. That keeps the server small (it indexes subjects, not users) and leaves nothing to inject.
// Names of classes and workers are escaped, so a server can let each class of workers write its own
// acknowledgements and nobody else's; the class is taken from the subject, which the server vouches
// for.
//
// A worker uses nothing of JetStream's API but Direct Get by subject, for snapshots, so it can live in
// an account without JetStream. There it has to: a server answers a request on whatever reply subject
// it names, with the server's own rights, so who may send any request to that API in the account of
// the streams can write to them.
//
// The epoch record has a stream of its own because events expire by age and the record must not: it
// lives as long as the realm. Both streams are on file, refuse deletes and purges, and hold no
// per-message TTL. The event stream refuses new messages when it is full instead of dropping the
// oldest ones, which are revocations still in force; the record's stream keeps the last few
// records. The snapshots' stream keeps the latest snapshot and the one before. A lost or damaged
// snapshot is never loaded, and a new one is saved.
//
// # Guarantees
//
//  1. A publication that was answered with nil is in the stream. Every publication is
//     answered exactly once: acknowledged, refused, disconnected, timed out or closed.
//  2. The live tail says when it is in force and when it may have lost something. It is
//     a core subscription: at most once, any order, and it hears messages before the
//     stream has stored them and also those that the stream refuses.
//  3. Replay delivers all that the stream held after a point when it was called, or fails. Messages
//     missing in the middle are counted. A point of a stream that was made again, restored from an
//     older copy or cut off is [revocast.ErrStreamLost], even if as many messages have come since;
//     a restart of the server changes no point.
//  4. A snapshot is loaded as it was saved, byte for byte, or not at all.
//  5. A message that is not of this realm, not decodable, or on the subject of another kind changes
//     nothing. It is counted by kind, see [Bus.Strays], and reported at most once a minute for each
//     kind. The ledger accepts every event that can be decoded.
//  6. The epoch record is the last one that can be read. What was written after it and is no record
//     counts as in 5, and a claim may replace it.
//
// A client that may publish to a subject is believed: the hash of the realm and the checksums find
// accidents, not forgeries. The server decides who may publish what; see deploy/nats.conf.
//
// Not guaranteed: the order of Tail; that an event is delivered once; that an
// acknowledgement by JetStream survives a power failure unless the server runs with
// sync_interval: always.
//
// # Backpressure
//
// Publish never waits: beyond [Options.MaxPending] unanswered publications it answers
// [revocast.ErrUnavailable] immediately, and the publisher's relay repeats. The tail buffers
// [Options.TailBuffer] messages; beyond that messages are lost and Suspect is called.
// Acknowledgements that overflow are lost: they are cumulative.
package events
