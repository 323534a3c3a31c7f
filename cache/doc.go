// Package cache is a worker's memory: the session cache, which says at once that a
// bearer is known to be good, and the live-revocation index, which says whether
// anything stands against one that is not in the cache. [Cache] implements
// [port.View] and does no I/O, starts no goroutine and reads no clock.
//
// # Session cache
//
// An LRU on simplelru in up to eight shards, each under a lock of its own that covers
// the list, the chains by token, session and principal, and the shard's part of
// the front. The front is what a hit reads, without a lock. A hit marks its entry
// as used; eviction spares the marked ones once, so order is that of use, roughly.
// The cache may drop anything at any time.
//
// # Live-revocation index
//
// An exact map from key to state, which never drops a live state to make room. Past
// its limit it is given up as a whole, says that it is not complete, and goes on
// collecting what comes after.
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
// In the left one the event may come into the index before Put looks there as
// well: then Put does not store, and the visit finds nothing. Readers of the front
// take no lock, but an entry enters it only after the index has been asked, and
// leaves it before Apply returns. A Get that starts later cannot see it.
//
// Emptying the index (BeginLoad, overflow) loses events, and a Put may come that was
// checked before one of them. In the same step in which they are lost the index
// raises since to the latest position it has ever seen:
//
//	Put looks before the loss            Put looks after the loss
//	  index still has the event:           index has not the event, but:
//	  Put does not store                   checked before since: Put does not store
//	                                       checked later: the check knew the event
//
// Put reads contents, since and completeness in one step too. Were they read in
// two, a load that ends in between would call an answer complete that was given
// while the index was empty.
//
// An invalidation leaves no state. The index remembers its position, so that a fill
// whose data was read before does not bring the old data back. A ban that starts
// later covers nothing yet: its event takes out the principal's entries, and a fill
// that was checked before it is refused, for it cannot know that it must end early.
package cache
