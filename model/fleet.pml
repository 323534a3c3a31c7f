/* The protocol with two workers and two revocations: what revoke.pml cannot say, because it has one
 * of each. The frontier (a worker may hear the second revocation and not the first), the smallest
 * frontier of all members, the membership as of the commit, and the second commit when the epoch
 * changed under the first. The rest is as in revoke.pml; README.md ties each macro to the code.
 *
 * Sliced, to fit: the assertion is about token 0 at worker 0. By symmetry (all workers run the same
 * code, and either revocation may be committed first) it then holds for each token at each worker.
 * What cannot reach that assertion is left out: the cache, lease and checks of worker 1, the token
 * and the confirmation of revocation 1. Worker 1 stands for all others and may do whatever it likes.
 *
 * A position is 4*epoch + revision: 1, 2 in A's epoch; 4 is where B starts, 5, 6 what it adds.
 */
#ifndef L
#define L 1                      /* freshness lease, ticks */
#endif
#ifndef F
#define F 1                      /* how long a cut-off primary still accepts write scripts */
#endif
#ifndef W
#define W 2                      /* workers */
#endif
#ifndef R
#define R 2                      /* revocations */
#endif
#define EPOCH(p) ((p) >> 2)

byte at[4];                      /* at[2n+i]: position of revocation i in the log of node n, 0: none */
byte head[2] = {0, 4};           /* latest position of each node */
byte event[2];                   /* position under which revocation i was committed and published */
bit js;                          /* the second log holds revocation 0 */
bit promoted, openB;
byte fence;                      /* ticks A still accepts write scripts after B was promoted */
byte epochAge;                   /* ticks since promotion, saturating */

byte front[2];                   /* frontier of each worker: what it acknowledges */
bit ahead[2];                    /* worker 0 has applied revocation i beyond a hole */
byte reg[2];                     /* registration of worker 0 at each node, ticks left */
bit need[2];                     /* the confirmation waits for worker w */

bit applied, cacheValid;         /* worker 0: revocation 0 is applied; a positive entry for token 0 */
byte lease, vLease;              /* ticks left of its lease, and of the one the verifier loaded */
byte rqAge;                      /* age of its renewal in flight, saturating at L */
byte wAge; bit waiting;          /* age of the committed revocation 0 */
bit done;                        /* revocation 0 is confirmed */

#ifdef NO_FENCE
#define A_WR 1
#else
#define A_WR (!promoted || fence > 0)
#endif
#define WR(n) ((n == 0 && A_WR) || (n == 1 && promoted && openB))
#ifdef NO_COLDFENCE
#define COLD(n) (n == 0 || promoted)
#else
#define COLD(n) WR(n)
#endif
#ifdef NO_ABA
#define LEASE_OK (lease > 0)
#else
#define LEASE_OK (vLease > 0)
#endif
#ifdef NO_EPOCHWAIT
#define EPOCH_OK(n) 1
#else
#define EPOCH_OK(n) (n == 0 || epochAge > F + L)
#endif
#define ACKED(w) (!need[w] || front[w] >= event[0])
/* LEAST: publisher/fleet.go settleLocked compares with the member that is furthest behind, countLocked. */
#ifdef NO_LEAST
#define ALL_ACKED ((!need[0] && !need[1]) || (need[0] && front[0] >= event[0]) || (need[1] && front[1] >= event[0]))
#else
#define ALL_ACKED (ACKED(0) && ACKED(1))
#endif

/* What lies directly behind the frontier and was applied before moves it on. */
inline absorb(w) {
  if :: ahead[0] && event[0] == front[w] + 1 -> front[w]++; ahead[0] = 0 :: else fi;
  if :: ahead[1] && event[1] == front[w] + 1 -> front[w]++; ahead[1] = 0 :: else fi;
  if :: ahead[0] && event[0] == front[w] + 1 -> front[w]++; ahead[0] = 0 :: else fi
}

/* Worker w notes event i: in its own epoch and without a hole, or it has to wait. */
inline note(w, i) {
  /* FRONTIER: internal/frontier/frontier.go add: what lies beyond a hole moves nothing */
#ifdef NO_FRONTIER
  if :: event[i] > front[w] -> front[w] = event[i] :: else fi
#else
  if
  :: EPOCH(event[i]) == EPOCH(front[w]) && event[i] > front[w] -> ahead[i] = 1; absorb(w)
  :: else
  fi
#endif
}

/* A renewal has brought everything up to p. */
inline advance(w, p) {
  if
  :: p > front[w] ->
     if :: EPOCH(p) > EPOCH(front[w]) -> ahead[0] = 0; ahead[1] = 0 :: else fi;
     front[w] = p;
     if :: event[0] <= p -> ahead[0] = 0 :: else fi;
     if :: event[1] <= p -> ahead[1] = 0 :: else fi;
     absorb(w)
  :: else
  fi
}

proctype ticker() {
  do
  :: d_step { (lease > 0 || vLease > 0 || reg[0] > 0 || reg[1] > 0 || fence > 0 || rqAge < L || (waiting && wAge <= L) || (promoted && epochAge <= F + L)) ->
       if :: lease > 0 -> lease-- :: else fi;
       if :: vLease > 0 -> vLease-- :: else fi;
       if :: reg[0] > 0 -> reg[0]-- :: else fi;
       if :: reg[1] > 0 -> reg[1]-- :: else fi;
       if :: fence > 0 -> fence-- :: else fi;
       if :: rqAge < L -> rqAge++ :: else fi;
       if :: (waiting && wAge <= L) -> wAge++ :: else fi;
       if :: (promoted && epochAge <= F + L) -> epochAge++ :: else fi
     }
  od
}

inline restore(i) {
  if :: at[2+i] == 0 -> head[1]++; at[2+i] = head[1] :: else fi
}

proctype failover() {
  do
  :: d_step { (!promoted && (at[2] != at[0] || at[3] != at[1])) -> at[2] = at[0]; at[3] = at[1] }
  :: atomic { (!promoted) -> promoted = 1; fence = F; epochAge = 0; break }
  od;
#ifndef NO_RECOVERWAIT
  (epochAge > F);
#endif
  atomic {
#ifndef NO_RECOVERY
#if R == 2
    if :: event[1] != 0 -> restore(1) :: skip fi;   /* the second log holds revocation 1, or does not */
#endif
    if :: js -> restore(0) :: else fi;
#endif
    openB = 1
  }
}

/* Worker 0: send; the ledger answers, if at all, with what lies after the frontier that was sent;
 * apply; note and install the lease. */
proctype renewer() {
  bit brings; byte sent, to;
again:
  atomic { rqAge = 0; sent = front[0]; brings = 0; to = 0 };
  atomic {
    if
    :: WR(0) && sent <= head[0] -> brings = (at[0] > sent); to = head[0]; reg[0] = L
    :: WR(1) && sent <= head[1] -> brings = (at[2] > sent); to = head[1]; reg[1] = L
    :: goto again
    fi;
    if :: skip :: sent = 0; to = 0; brings = 0; goto again fi    /* the answer may be lost */
  };
  sent = 0;
#ifndef NO_GAP
  d_step { if :: brings -> cacheValid = 0; applied = 1 :: else fi; brings = 0 };
#endif
  d_step {
#ifndef NO_GAP
    advance(0, to);
#endif
    brings = 0; to = 0;
#ifdef NO_SENDTIME
    lease = L
#else
    if :: rqAge < L && L - rqAge > lease -> lease = L - rqAge :: else fi
#endif
  };
  goto again
}

/* Worker 1 stands for the rest of the fleet, however many, and may do whatever it likes: be a
 * member or not, acknowledge at any time, or never. So it also stands for a liar: somebody who holds
 * the credentials of another class of workers. What a liar could do beyond that is kept from it by
 * the safeguards below; each of them missing is a mutant. */
#if W == 2
proctype others() {
  do
  :: atomic { need[1] && event[0] != 0 && front[1] == 0 -> front[1] = 7 }
  /* ACKCLASS: the class of an acknowledgement is that of the subject that its user may publish to */
#ifdef NO_ACKCLASS
  :: atomic { need[0] && event[0] != 0 -> need[0] = 0 }
#endif
  /* MEMBERCLASS: a class has a hash of its own for its members, and its user writes no other */
#ifdef NO_MEMBERCLASS
  :: d_step { reg[0] > 0 -> reg[0] = 0 }
  :: d_step { reg[1] > 0 -> reg[1] = 0 }
#endif
  /* STREAMRIGHTS: no user of a worker changes a stream */
#ifdef NO_STREAMRIGHTS
  :: js -> js = 0
#endif
  od
}
#endif

/* Worker 0 hears of revocation 0, as often as the network likes. */
proctype receiver() {
again:
  (event[0] != 0);
#ifdef NO_ACKAFTER
  d_step { note(0, 0) };
  d_step { cacheValid = 0; applied = 1 };
#else
  d_step { cacheValid = 0; applied = 1 };
  d_step { note(0, 0) };
#endif
  goto again
}

proctype filler() {
  byte found;
again:
  atomic {
    if
    :: COLD(0) -> found = (at[0] != 0)
    :: COLD(1) -> found = (at[2] != 0)
    fi;
    if :: found -> found = 0; goto again :: else fi
  };
#ifdef NO_FILLREV
  cacheValid = 1;
#else
  d_step { if :: !applied -> cacheValid = 1 :: else fi };
#endif
  goto again
}

proctype verifier() {
  bit started;
again:
  atomic { vLease = 0; started = done };
  if
  :: vLease = lease;                                             /* the lease object first */
     atomic { if :: cacheValid -> skip :: else -> goto again fi };
     d_step { if :: LEASE_OK -> assert(!started) :: else fi }     /* the clock last */
  :: d_step { COLD(0) -> assert(!(started && at[0] == 0)) }       /* or ask the ledger */
  :: d_step { COLD(1) -> assert(!(started && at[2] == 0)) }
  fi;
  goto again
}

inline members(n) {
  need[0] = (reg[n] > 0);
#if W == 2
  front[1] = 0;
  if :: need[1] = 0 :: need[1] = 1 fi
#endif
}

/* Commits revocation i at n, or finds it there. */
inline commit(n, i) {
  if :: at[2*n+i] == 0 -> head[n]++; at[2*n+i] = head[n] :: else fi;
  event[i] = at[2*n+i]
}

proctype revoker() {
  bit n;
  if :: n = 0 :: n = 1 fi;
again:
  /* GENERATION: commit.lua answers with the generation that renew.lua counts up, and publisher/fleet.go
   * knownLocked takes no list of members older than that */
#ifdef NO_GENERATION
  atomic { members(n) };
  d_step { WR(n) -> commit(n, 0); waiting = 1; wAge = 0 };
#else
  atomic { WR(n) -> commit(n, 0); members(n); waiting = 1; wAge = 0 };
#endif
#ifndef NO_DUAL
  js = 1;
#endif
#ifndef NO_VERIFY
  if
  :: atomic { WR(n) -> skip }
  :: atomic { n == 0 && promoted && openB -> n = 1; waiting = 0; goto again }   /* the epoch changed: publisher/work.go recommit */
  fi;
#endif
  if
  :: atomic { (ALL_ACKED && EPOCH_OK(n)) -> done = 1 }
  :: atomic { (wAge > L && EPOCH_OK(n)) -> done = 1 }
#ifdef EAGER
  :: done = 1
#endif
  fi
}

#if R == 2
/* Revocation 1 is committed somewhere, and worker 0 hears of it as often as the network likes. */
proctype other() {
  do
  :: atomic { event[1] == 0 && WR(0) -> commit(0, 1) }
  :: atomic { event[1] == 0 && WR(1) -> commit(1, 1) }
  :: d_step { event[1] != 0 -> note(0, 1) }
  od
}
#endif

init {
  atomic {
    run ticker(); run failover(); run renewer(); run receiver(); run filler(); run verifier(); run revoker();
#if W == 2
    run others();
#endif
#if R == 2
    run other()
#endif
  }
}
