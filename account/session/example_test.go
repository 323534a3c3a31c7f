package session_test

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/worker"
)

func Example() {
	ctx := context.Background()
	var publisher *publisher.Publisher // as the program has it

	rdb, err := store.NewClient("redis://localhost:6379")
	if err != nil {
		return
	}
	box, err := outbox.New(rdb, publisher, outbox.Options{}) // and somebody runs box.Run
	if err != nil {
		return
	}
	sessions, err := session.New(box, session.Options{Idle: 12 * time.Hour, Cap: 20})
	if err != nil {
		return
	}

	login := func(w http.ResponseWriter, r *http.Request) {
		authenticated := time.Now() // before the password is looked up
		made, err := sessions.Create(ctx, session.Login{
			Principal: "alice", Device: "Firefox on Linux", AuthTime: authenticated,
			Data: map[string]string{"theme": "dark"},
		})
		if err != nil && !errors.Is(err, outbox.ErrOwed) && !errors.Is(err, revocast.ErrPending) {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		http.SetCookie(w, &http.Cookie{
			Name: "__Host-session", Value: made.Token, Path: "/", Expires: made.End,
			HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
		})
	}

	logoutOthers := func(w http.ResponseWriter, r *http.Request) {
		claims, _ := worker.ClaimsFrom(r.Context())
		_, err := sessions.Because("password changed", "user").EndOthers(ctx, claims.Principal, claims.Session)
		if err != nil {
			http.Error(w, "not confirmed yet, try again", http.StatusServiceUnavailable)
		}
	}
	_, _ = login, logoutOthers
}

// ExampleStore_Loader has a guard answer for cookies from memory.
func ExampleStore_Loader() {
	var (
		subscriber *worker.Subscriber // as the worker has them
		sessions   *session.Store
	)
	guard := option.Must(worker.NewGuard(subscriber, nil, worker.GuardOptions{LoadSession: sessions.Loader()}))
	_ = func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("__Host-session")
		if err != nil {
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		switch claims, v := guard.CheckSession(r.Context(), cookie.Value); v.Outcome {
		case revocast.Allowed:
			_ = claims.Principal
		case revocast.Unknown:
			http.Error(w, "try again", http.StatusServiceUnavailable)
		default:
			http.Error(w, "log in", http.StatusUnauthorized)
		}
	}
}
