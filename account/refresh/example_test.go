package refresh_test

import (
	"context"
	"errors"
	"log"
	"net/http"

	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/worker"
)

// A token endpoint. The outbox and the guard are those of the process.
func Example() {
	var (
		box   *outbox.Outbox // whose Run runs
		guard *worker.Guard
		key   []byte // 32 random bytes, the same in every process
	)
	tokens, err := refresh.New(box, refresh.Options{Key: key, Check: guard.CheckClaims})
	if err != nil {
		log.Println(err)
		return
	}
	http.HandleFunc("POST /refresh", func(w http.ResponseWriter, r *http.Request) {
		next, err := tokens.Rotate(r.Context(), r.PostFormValue("refresh_token"), refresh.Expect{Client: "app"})
		var stolen *refresh.ReuseError
		if errors.As(err, &stolen) {
			warn(r.Context(), stolen.Family.Principal)
		}
		switch {
		case errors.Is(err, refresh.ErrInvalidGrant):
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		case err != nil: // the client keeps its token and tries again
			http.Error(w, `{"error":"temporarily_unavailable"}`, http.StatusServiceUnavailable)
		default:
			answer(w, next.Text, accessToken(next.Family))
		}
	})
}

func warn(context.Context, string)               {}
func accessToken(refresh.Family) string          { return "" }
func answer(http.ResponseWriter, string, string) {}
