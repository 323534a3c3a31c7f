package cache_test

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/port"
)

// worker stands for the *worker.Subscriber of a realm.
type worker string

func (w worker) Realm() string { return string(w) }

// A service that keeps its own sessions: mark, read from the store, set.
func ExampleSessions() {
	c := cache.New(cache.Options{Entries: 10_000})
	c.BeginLoad() // a worker.Subscriber does this
	c.EndLoad()
	sessions := cache.NewSessions(c, worker("shop"), port.SystemClock())

	mark := sessions.Mark()
	alice := &revocast.Claims{Issuer: "shop", Principal: "alice"} // read from the store
	sessions.Set(mark, "4711", alice, time.Minute)

	if claims, ok := sessions.Get("4711"); ok {
		fmt.Println("signed in as", claims.Principal)
	}
	sessions.InvalidatePrincipal("shop", "alice")
	_, ok := sessions.Get("4711")
	fmt.Println("after the invalidation:", ok)
	// Output:
	// signed in as alice
	// after the invalidation: false
}
