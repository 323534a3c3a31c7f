package publishercmd

import (
	"bytes"
	"fmt"

	"github.com/revocast/revocast/cmd/internal/credentials"
	"github.com/revocast/revocast/cmd/internal/wiring"
)

type credentialsCmd struct {
	Realm string   `default:"default" placeholder:"NAME" help:"Realm that the users are for. Default: ${default}."`
	Class []string `default:"default" sep:"," placeholder:"NAME" help:"Classes of workers, a user each; may be repeated. Default: ${default}."`
}

// Help implements kong's HelpProvider.
func (c *credentialsCmd) Help() string {
	return "A class is the workers that share their rights, one service as a rule. Who steals the secrets of " +
		"a class can lie about this class alone.\n\nSecrets are random and are printed this once; the lines for the " +
		"servers hold none. To replace those of one class, run it again, and take over the lines of this class: " +
		"NATS reads them when its configuration is reloaded, Redis with ACL SETUSER. Name every class but " +
		"default to the publishers: publisher serve --class NAME.\n\nIt asks no server and changes nothing."
}

// Run makes users.
func (c *credentialsCmd) Run(streams *wiring.Streams) error {
	set, err := credentials.Make(c.Realm, c.Class)
	if err != nil {
		return wiring.Usage("%s", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# ---- nats.conf: in the place of its accounts\n")
	if err := set.NATS(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n# ---- redis.conf: in the place of its users publisher and worker\n")
	if err := set.Redis(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n# ---- secrets: not shown again\n")
	secret := func(who, user string, u credentials.User) {
		fmt.Fprintf(&b, "# %s\n#   a file for --nats-creds: %s\n", who, u.Seed)
		fmt.Fprintf(&b, "#   in the URL of --redis:   redis://%s:%s@HOST:6379/0\n", user, u.Password)
	}
	secret("publishers", "publisher", set.Publisher)
	for _, class := range set.Classes {
		secret("workers with --class "+class.Name, "worker-"+class.Name, class.User)
	}
	_, err = streams.Out.Write(b.Bytes())
	return err
}
