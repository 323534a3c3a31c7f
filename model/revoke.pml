/* Safety model of the revocation protocol.
 * One token, one revocation, one worker w (any worker of the fleet), a Redis primary A that can be
 * replaced by its replica B at any instant while A goes on serving those cut off with it, an
 * at-most-once notification path, JetStream as second log, and a clock that can tick between any two
 * steps (so a pause of any length can happen anywhere).
 * Each closing of a hole is a macro; -DNO_x removes it and the model must then find the hole.
 * The comment at each macro names the code that it stands for; README.md has the table.
 */
#ifndef L
#define L 2      /* freshness lease, ticks */
#endif
#ifndef F
#define F 1      /* how long a cut-off primary still accepts write scripts */
#endif
#define MAXT (L+F+2)

bit rev[2];                      /* revocation stored at node A=0, B=1 */
bit promoted, openB;
byte fence;                      /* ticks A still accepts write scripts after B was promoted */
byte epochAge;                   /* ticks since promotion, saturating */
byte reg[2];                     /* registration of w at each node, ticks left */
bit js;                          /* second log holds the record */
bit published, ackd, done;

bit cacheValid;                  /* positive entry for the token */
byte lease;                      /* ticks left of the lease object installed now */
byte vLease;                     /* ticks left of the lease object the verifier loaded */
bit applied;                     /* w has applied the revocation */
byte rqAge;                      /* age of the renewal in flight, saturating at L */
byte wAge; bit waiting;          /* age of the committed revocation */

/* FENCE: a primary that is cut off from its replicas refuses scripts that write:
 * store/preflight.go inspectFence insists on min-replicas-to-write and its lag. */
#ifdef NO_FENCE
#define A_WR 1
#else
#define A_WR (!promoted || fence > 0)
#endif
#define WR(n) ((n == 0 && A_WR) || (n == 1 && promoted && openB))
/* COLDFENCE: so are cold checks, for no script is flagged as only reading: internal/script/script.go New. */
#ifdef NO_COLDFENCE
#define COLD(n) (n == 0 || promoted)
#else
#define COLD(n) WR(n)
#endif
/* ABA: worker/guard.go Check, worker/decide.go decide: the lease that was loaded before the lookup decides. */
#ifdef NO_ABA
#define LEASE_OK (lease > 0)     /* looks at whatever lease is installed at the end */
#else
#define LEASE_OK (vLease > 0)    /* looks at the lease object loaded before the lookup */
#endif
/* EPOCHWAIT: publisher/keeper.go settle, publisher/verify.go settled: nothing is confirmed before the leases that an
 * earlier epoch's primary granted have run out. */
#ifdef NO_EPOCHWAIT
#define EPOCH_OK(n) 1
#else
#define EPOCH_OK(n) (n == 0 || epochAge > F + L)
#endif

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
       if :: (promoted && epochAge <= F + L) -> epochAge++ :: else fi;
     }
  od
}

proctype failover() {
  do
  :: d_step { (!promoted && rev[1] != rev[0]) -> rev[1] = rev[0] }
  :: atomic { (!promoted) -> promoted = 1; fence = F; epochAge = 0; break }
  od;
  /* RECOVERWAIT: publisher/recovery.go recover, the wait of Terms.FenceWait */
#ifndef NO_RECOVERWAIT
  (epochAge > F);                /* the recoverer reads the second log only when A is fenced */
#endif
  /* RECOVERY: store/lua/prelude.lua notices, publisher/recovery.go restore merges the stream, open.lua serves */
#ifndef NO_RECOVERY
  if :: js -> rev[1] = 1 :: !js fi;
#endif
  openB = 1
}

proctype renewer() {
  bit n, r;
again:
  atomic { n = 0; r = 0; rqAge = 0 };
  if :: n = 0 :: n = 1 fi;                                       /* send, any delay follows */
  atomic { if :: WR(n) -> r = rev[n]; reg[n] = L :: else -> goto again fi };
  if
  :: goto again                                                  /* reply lost */
  :: skip
  fi;
  /* GAP: worker/renew.go renewOnce: what the answer brings is applied before the lease */
#ifndef NO_GAP
  d_step { if :: (r == 1 && !applied) -> cacheValid = 0; applied = 1 :: else fi };
#endif
  d_step {
    r = 0;
    /* SENDTIME: worker/renew.go renewOnce reads the clock before it asks; worker/lease.go installLease */
#ifdef NO_SENDTIME
    if
    :: 1 ->
#else
    if
    :: (rqAge < L) ->
#endif
#ifdef NO_SENDTIME
       lease = L
#else
       if :: (L - rqAge > lease) -> lease = L - rqAge :: else fi
#endif
    :: else
    fi
  };
  goto again
}

proctype receiver() {
  (published);
  /* ACKAFTER: worker/apply.go onEvent applies, note moves the frontier, sendAck sends it */
#ifdef NO_ACKAFTER
  ackd = 1;
  d_step { cacheValid = 0; applied = 1 }
#else
  d_step { cacheValid = 0; applied = 1 };
  ackd = 1
#endif
}

proctype filler() {
  bit n; byte fr;
again:
  atomic { n = 0; fr = 2 };
  if :: n = 0 :: n = 1 fi;
  atomic { if :: COLD(n) -> fr = rev[n] :: else -> goto again fi };
  d_step {
    if
    /* FILLREV: cache/cache.go Put, cache/shard.go put, cache/lookup.go admits: under the shard's lock */
#ifndef NO_FILLREV
    :: (fr == 0 && !applied) -> cacheValid = 1
#else
    :: (fr == 0) -> cacheValid = 1
#endif
    :: else
    fi
  };
  goto again
}

proctype verifier() {
  bit started, n;
again:
  atomic { n = 0; vLease = 0; started = done };
  if
  :: vLease = lease;                                             /* the lease object first */
     atomic { if :: cacheValid -> skip :: else -> goto again fi };
     d_step { if :: LEASE_OK -> assert(!started) :: else fi }     /* the clock last */
  :: if :: n = 0 :: n = 1 fi;                                    /* cold check */
     d_step { if :: COLD(n) -> assert(!(started && rev[n] == 0)) :: else fi }
  fi;
  goto again
}

proctype revoker() {
  bit n, need;
  if :: n = 0 :: n = 1 fi;
  d_step { WR(n) -> rev[n] = 1; need = (reg[n] > 0); waiting = 1 };
  published = 1;                                                 /* delivery may never happen: receiver need not run */
  /* DUAL: publisher/work.go confirm waits for JetStream, publisher/outbox.go publish */
#ifndef NO_DUAL
  js = 1;                                                        /* acknowledged by the second log */
#endif
  /* VERIFY: publisher/work.go confirm, publisher/verify.go settled, store/lua/verify.lua */
#ifndef NO_VERIFY
  WR(n);                                                         /* same history still in charge, asked after that; else never OK */
#endif
  /* EAGER: publisher/fleet.go settleLocked: every member has applied it, or W has passed since the commit */
  if
  :: ((!need || ackd) && EPOCH_OK(n)) -> done = 1
  :: (wAge > L && EPOCH_OK(n)) -> done = 1
#ifdef EAGER
  :: done = 1
#endif
  fi
}

init { atomic { run ticker(); run failover(); run renewer(); run receiver(); run filler(); run verifier(); run revoker() } }
