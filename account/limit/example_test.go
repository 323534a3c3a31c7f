package limit_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/limit"
)

// A login: the limiter first, then the password, then the limiter again.
func ExampleLimiter() {
	var (
		rdb   redis.UniversalClient                        // store.NewClient
		key   []byte                                       // 32 random bytes from your configuration
		right func(name, password string) bool             // as slow for a name that nobody has
		login func(http.ResponseWriter, string, time.Time) // a session with this auth_time
	)
	limiter, err := limit.New(rdb, "main", limit.Options{Key: key})
	if err != nil {
		return
	}
	http.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		name := r.PostFormValue("name")
		d, err := limiter.Begin(r.Context(), limit.Attempt{Identifier: name, Address: peer.Addr()})
		switch {
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable) // never: try without
		case !d.Allowed:
			w.Header().Set("Retry-After", fmt.Sprint(limit.Seconds(d.RetryAfter)))
			w.WriteHeader(http.StatusTooManyRequests)
		case !right(name, r.PostFormValue("password")):
			_ = limiter.Fail(r.Context(), d.Attempt) // it counts as failed already
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_ = limiter.Succeed(r.Context(), d.Attempt) // log it: the login is right all the same
			login(w, name, d.At)
		}
	})
}

func ExampleSeconds() {
	fmt.Println(limit.Seconds(time.Millisecond), limit.Seconds(time.Second), limit.Seconds(61500*time.Millisecond))
	// Output: 1 1 62
}
