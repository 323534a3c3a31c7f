// Package cache is a worker's memory: the session cache, which knows the bearers that are good, and
// the live-revocation index, which says whether anything stands against a token that is not in the
// cache. [Cache] implements [port.View] and does no I/O, starts no goroutine and reads no clock.
//
// # Session cache
//
// An LRU on simplelru in up to eight shards, each under a lock of its own that covers the list, the
// chains by token, session and principal, and the shard's part of the front. The front is what a
// hit reads, without a lock. A hit flags its entry as used. Eviction spares flagged entries once,
// so entries go roughly in the order of their last use. The cache may drop anything at any time.
//
// # Live-revocation index
//
// An exact map from key to state, which never drops a live state to make room. Past its limit it is
// given up as a whole: it says that it is not complete, and goes on collecting later events.
//
// # Why no covered entry stays
//
// Apply takes the event into the index and then visits every shard under its lock;
// Put looks into the index and stores under the lock of one shard S. Reading or
// changing the index is one step (its own lock, inside S's). So there are two orders:
//
//	Put has S first                      Apply has S first
//	  Put:   index says nothing            Apply: event into the index
//	  Put:   stores, lets go of S          Apply: visits S, finds nothing
//	  Apply: event into the index          Put:   takes S, index says covered
//	  Apply: visits S, takes it out        Put:   does not store
//
// In the left order the event may also come into the index before Put looks there. Then Put does
// not store, and the visit finds nothing. Readers of the front take no lock, but an entry enters it
// only after the index has been asked, and leaves it before Apply returns. A Get that starts later
// cannot see it.
//
// Emptying the index (BeginLoad, overflow) loses events, and a Put may come that was checked before
// one of them. In the step that loses them, the index raises since to the latest position it has
// ever seen:
//
//	Put looks before the loss            Put looks after the loss
//	  index still has the event:           index has not the event, but:
//	  Put does not store                   checked before since: Put does not store
//	                                       checked later: the check knew the event
//
// Put reads contents, since and completeness in one step too. If they were read in two steps, and a
// load ended in between, an answer would count as complete that was given while the index was
// empty.
//
// An invalidation leaves no state. The index remembers its position, so that a fill whose data was
// read before it does not bring the old data back. A ban that starts later covers nothing yet. Its
// event takes out the principal's entries, and a fill that was checked before it is refused,
// because that fill cannot know that its entry must end early.
package cache
