package code_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/code"
)

// A page that asks for a code gives the same answer for every name.
func ExampleStore_Create() {
	var (
		rdb  redis.UniversalClient                // store.NewClient
		key  []byte                               // 32 random bytes from your configuration
		mail func(name, text string, _ time.Time) // in the background; sends nothing to who does not exist
	)
	codes, err := code.New(rdb, "main", code.Options{Key: key})
	if err != nil {
		return
	}
	http.HandleFunc("POST /password-reset/request", func(w http.ResponseWriter, r *http.Request) {
		name := r.PostFormValue("name")
		c, err := codes.Create(r.Context(), "password-reset", name)
		var early *code.ResendError
		switch {
		case errors.As(err, &early):
			w.Header().Set("Retry-After", fmt.Sprint(int(early.RetryAfter.Seconds())+1))
			w.WriteHeader(http.StatusTooManyRequests)
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			mail(name, c.Text, c.Expires)
			w.WriteHeader(http.StatusAccepted)
		}
	})
}

func ExampleRefusal() {
	for _, why := range []code.Why{code.Wrong, code.Expired, code.Unknown} {
		var err error = &code.Refusal{Why: why}
		fmt.Println(err, errors.Is(err, code.ErrCode))
	}
	// Output:
	// the code is not valid true
	// the code is not valid true
	// the code is not valid true
}
