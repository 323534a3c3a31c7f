package publishercmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/publisher"
)

type namesCmd struct {
	New  newNamesCmd  `cmd:"" help:"Make a file with a name secret, or add one more to it."`
	Move moveNamesCmd `cmd:"" help:"Hash a realm's names with all of the secrets in the file from now on."`
}

// Help implements kong's HelpProvider.
func (c *namesCmd) Help() string {
	return "A realm that was made without a name secret gets one, and one whose secret may be known gets another, " +
		"in three steps:\n\n" +
		"1. `publisher names new names.secret` makes the file, or adds a secret to it.\n\n" +
		"2. Give that file to every publisher and every worker, and restart them one after the other. Nothing " +
		"changes yet.\n\n" +
		"3. `publisher names move --names-secret-file names.secret`"
}

type newNamesCmd struct {
	File string `arg:"" type:"path" help:"The file. Its owner alone may read a new one."`
}

// Run makes the file, or adds a secret to it.
func (c *newNamesCmd) Run(_ context.Context, streams *wiring.Streams) error {
	n, err := names.Add(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "%s: has %d name secrets now\n", c.File, n)
	return err
}

type moveNamesCmd struct {
	wiring.NamesFlags `group:"Stores"`
	wiring.StoreFlags `group:"Stores"`
	wiring.LogFlags   `group:"Log"`
	LeaveBehind       bool `help:"Move although a worker has not said that it has all of the secrets. It checks nothing then, until it is started with them."`
}

// Help implements kong's HelpProvider.
func (c *moveNamesCmd) Help() string {
	return "What stands against a name stands against it after that too; nobody has to know the names. A publisher " +
		"or worker that does not have all of the secrets is of no use after it, and says so. While the keys are " +
		"moved, some seconds for a hundred thousand, nothing is confirmed, and checks are answered unknown. It " +
		"cannot be taken back."
}

// Run moves the realm.
func (c *moveNamesCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	secrets, err := c.Secrets()
	if err != nil {
		return err
	}
	if secrets == nil {
		return wiring.Usage("--names-secret-file: want the file with all of the realm's name secrets")
	}
	logger := c.Logger(streams.Err)
	stores, err := c.Open(ctx, wiring.OpenOptions{Name: "publisher names move", Logger: logger, Names: secrets})
	if err != nil {
		return err
	}
	defer stores.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	took, err := publisher.MoveNames(ctx, stores.Ledger(), stores.Bus(),
		publisher.MoveOptions{
			Publisher: publisher.Options{Names: secrets, Logger: logger}, LeaveBehind: c.LeaveBehind,
		})
	if errors.Is(err, revocast.ErrConflict) {
		_, err = fmt.Fprintf(streams.Out, "realm %s: its names are hashed with these secrets already\n", c.Realm)
		return err
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "realm %s: its names are hashed with %d name secrets from now on; it took %s\n",
		c.Realm, secrets.Naming(c.Realm).Secrets, shortTime(took))
	return err
}
