// Command authserver is a small login service on all of Revocast: sessions, refresh tokens,
// limits, one-time codes and revocation, with two API workers behind it. Its README walks through
// it. Requests enter in routes.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Flags are the command line.
type Flags struct {
	Listen       string        `default:"127.0.0.1:8090" help:"The login service's address."`
	WorkerListen string        `default:"127.0.0.1:8091" help:"The first API worker's address; the second has the port after it. Port 0: any free one for each."`
	Data         string        `default:"./authserver-data" type:"path" help:"Folder for users, keys and the embedded JetStream."`
	Redis        string        `help:"URL of a Redis to use instead of the embedded one, which forgets sessions when it stops." placeholder:"URL"`
	NATS         string        `name:"nats" help:"URL of a NATS to use instead of the embedded one." placeholder:"URL"`
	AdminToken   string        `env:"AUTHSERVER_ADMIN_TOKEN" help:"Token that the admin endpoints require. Default: a random one, which is printed."`
	ClientIP     string        `name:"client-ip-header" help:"Header in which your own proxy gives the client's address, such as X-Real-IP or X-Forwarded-For. Default: the connection's address." placeholder:"NAME"`
	Proxies      int           `default:"1" help:"How many proxies of your own write into that header, as each does into X-Forwarded-For."`
	Confirm      time.Duration `default:"5s" help:"How long an answer waits for every worker to refuse what was ended."`
	Verbose      bool          `short:"v" help:"Log what the parts do."`
}

func main() {
	var f Flags
	kong.Parse(&f, kong.Name("authserver"),
		kong.Description("A login service on Revocast, with two API workers behind it."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	level := slog.LevelWarn
	if f.Verbose {
		level = slog.LevelInfo
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	err := serve(ctx, f, Output{Logger: logger, Print: func(format string, a ...any) { fmt.Printf(format, a...) }})
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "authserver:", err)
		os.Exit(1)
	}
}
