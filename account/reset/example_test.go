package reset_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/publisher"
)

// The handler of the form that the mailed link opens.
func Example() {
	var (
		rdb   redis.UniversalClient // store.NewClient
		pub   *publisher.Publisher
		codes *code.Store
		set   reset.SetPassword // UPDATE accounts SET password = argon2id(…)
	)
	box, err := outbox.New(rdb, pub, outbox.Options{}) // and run it
	if err != nil {
		return
	}
	resets, err := reset.New(codes, box, set, reset.Options{})
	if err != nil {
		return
	}
	http.HandleFunc("POST /password-reset/confirm", func(w http.ResponseWriter, r *http.Request) {
		_, err := resets.Confirm(r.Context(), r.PostFormValue("account"), r.PostFormValue("code"),
			r.PostFormValue("password"))
		w.WriteHeader(status(err))
	})
}

func ExampleReset_Confirm() {
	for _, err := range []error{
		nil,
		&code.Refusal{Why: code.Expired},
		&code.ClaimedError{},
		fmt.Errorf("%w: use 8 characters or more", reset.ErrRejected),
		fmt.Errorf("%w: %w", reset.ErrOwed, context.DeadlineExceeded),
		revocast.ErrUnavailable,
	} {
		fmt.Println(status(err), err)
	}
	// Output:
	// 204 <nil>
	// 400 the code is not valid
	// 409 the code is being used; its claim ends within 0s
	// 422 the password was not accepted: use 8 characters or more
	// 202 the password is changed; what was open is not yet confirmed ended: context deadline exceeded
	// 503 unavailable
}

func status(err error) int {
	switch {
	case err == nil:
		return http.StatusNoContent
	case errors.Is(err, code.ErrCode):
		return http.StatusBadRequest
	case errors.Is(err, code.ErrClaimed):
		return http.StatusConflict
	case errors.Is(err, reset.ErrRejected):
		return http.StatusUnprocessableEntity
	case errors.Is(err, reset.ErrOwed):
		return http.StatusAccepted
	}
	return http.StatusServiceUnavailable
}
