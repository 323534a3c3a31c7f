package publishercmd

import (
	"context"
	"errors"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/dev"
	"github.com/revocast/revocast/cmd/internal/wiring"
)

type devCmd struct {
	Listen       string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the API. Open to everybody who can reach it unless there is an API token. Default: ${default}."`
	Workers      int    `default:"3" placeholder:"N" help:"Workers to run, 1 to 64. Default: ${default}."`
	WorkerListen string `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Address of the first worker; the others take the ports after it. Default: ${default}."`
	Data         string `default:"revocast-data" type:"path" placeholder:"DIR" help:"Folder for the JetStream log and the demo issuer's key. Default: ./revocast-data."`
	APIToken     string `name:"api-token" placeholder:"TOKEN" help:"API token that the API requires; needed if --listen is not a loopback address. Default: none."`

	wiring.LogFlags `group:"Log"`
}

// Run runs until ctx ends.
func (c *devCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	err := dev.Run(ctx, dev.Options{
		Listen: c.Listen, Workers: c.Workers, WorkerListen: c.WorkerListen, Data: c.Data,
		APIToken: c.APIToken, Version: wiring.Version(), Logger: c.Logger(streams.Err),
	}, streams.Out)
	if errors.Is(err, revocast.ErrInvalid) {
		return wiring.Usage("%w", err)
	}
	return err
}
