// Package publishercmd is the command line of cmd/publisher. It is a package of its
// own so that tests can run it as a process beside the other program.
package publishercmd

import (
	"github.com/alecthomas/kong"

	"github.com/revocast/revocast/cmd/internal/wiring"
)

const description = "Makes logout true everywhere: revokes tokens, sessions and accounts on " +
	"every worker of a fleet."

// Grammar is all commands with their flags.
type Grammar struct {
	Dev   devCmd   `cmd:"" group:"Run it" help:"Everything in one process, for trying out: embedded NATS and Redis, the API, workers, a demo issuer."`
	Serve serveCmd `cmd:"" group:"Run it" help:"The service, against NATS and Redis. Several may run side by side."`
	Init  initCmd  `cmd:"" group:"Run it" help:"Make a realm's ledger. Run again it changes nothing."`

	Credentials credentialsCmd `cmd:"" group:"Run it" help:"Make users for NATS and Redis: one for publishers, and one for each class of workers."`

	Token tokenCmd `cmd:"" group:"Run it" help:"Make an API token: print it once, and its line for --api-tokens."`

	Repair repairCmd `cmd:"" group:"Mend it" help:"Refill Redis from JetStream or the other way round, or take a fenced ledger back."`
	Audit  auditCmd  `cmd:"" group:"Mend it" help:"Compare what the two stores hold."`
	Names  namesCmd  `cmd:"" group:"Mend it" help:"Give a realm a name secret, or another one."`
	Terms  termsCmd  `cmd:"" group:"Mend it" help:"Print or change lease, clock drift, fence and default issuer."`

	Revoke          revokeCmd          `cmd:"" group:"Revoke" help:"Revoke a token, a session, a principal, a client, a tenant, a key or everything."`
	Logout          logoutCmd          `cmd:"" group:"Revoke" help:"End the session of the token on standard input, or the token if it has none."`
	PasswordChanged passwordChangedCmd `cmd:"" group:"Revoke" help:"End every session of a principal, except the one that changed the password."`
	Ban             banCmd             `cmd:"" group:"Revoke" help:"Refuse every token of a principal, newer ones too, until a time."`
	Unban           unbanCmd           `cmd:"" group:"Revoke" help:"Lift a ban."`
	Invalidate      invalidateCmd      `cmd:"" group:"Revoke" help:"Make caches load a session or a principal again. Nobody is revoked."`

	Show showCmd `cmd:"" group:"Look" help:"What stands against one token, session, principal, client, tenant or key."`
	Who  whoCmd  `cmd:"" group:"Look" help:"Whose key it is."`
	Bans bansCmd `cmd:"" group:"Look" help:"Every ban that has not ended."`

	Status statusCmd `cmd:"" group:"Look" help:"The fleet: ledger, workers, what is under way."`
	Watch  watchCmd  `cmd:"" group:"Look" help:"Events as they happen, one line each."`
	Check  checkCmd  `cmd:"" group:"Look" help:"Ask a worker about the token on standard input: the verdict and why."`

	Version kong.VersionFlag `env:"-" help:"Print the version."`
}

// Main runs the command line and returns the exit code.
func Main(args []string, streams *wiring.Streams) int {
	return wiring.Main("publisher", description, &Grammar{}, args, streams)
}
