// Package realm is the door to Revocast for a program that embeds it: [Open] connects to NATS
// and Redis and refuses a Redis that would forget revocations, [Realm.Worker] is everything that
// a service needs to refuse revoked tokens from its own memory, and [Realm.Publisher] is what it
// calls on logout and password change. [Serve] runs an HTTP server beside them and stops all of
// it in the right order.
//
//	r, err := realm.Open(ctx, "default", realm.Options{NATS: natsURL, Redis: redisURL})
//	keys, err := token.JWKS(jwksURL, token.SourceOptions{})
//	w, err := r.Worker(keys.For("https://login.example.com", "orders"), worker.Options{})
//	err = realm.Serve(ctx, &http.Server{Addr: ":8080", Handler: w.Middleware(hello)}, w)
//
// It is the one package of the library that puts several others together. Each of them can be
// used without it.
package realm
