package publishercmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/apitoken"
)

type tokenCmd struct {
	Name string `arg:"" help:"Name of the caller, which the log shows with each of its writes. A token that is replaced keeps its name."`

	Rights []string `default:"revoke" sep:"," placeholder:"RIGHT" help:"What the token is good for: read (what stands, receipts, the fleet, events, bans), own (revoke tokens and sessions), revoke (also principals and bans, and invalidate), operate (everything, also clients, tenants, keys, all). Default: ${default}."`
	Issuer []string `sep:"none" placeholder:"ISS" help:"Only what names one of these issuers; may be repeated. Default: any."`
	Tenant []string `sep:"none" placeholder:"ID" help:"Only what is known to belong to one of these tenants: the tenant itself, and logouts of its tokens; may be repeated. Default: any."`
	Scope  []string `sep:"," placeholder:"SCOPE" help:"Only these scopes. Default: any that the rights allow."`
	Until  moment   `placeholder:"TIME" help:"Instant from which the token is refused: 2030-01-02T15:04:05Z, or from now as +2160h. Default: never."`
	JSON   bool     `name:"json" help:"JSON for machines, one line."`
}

// Help implements kong's HelpProvider.
func (c *tokenCmd) Help() string {
	return "The token is random and is printed this once. Append the line to the file that publisher serve " +
		"--api-tokens names: it holds a hash of the token, and is no secret. It counts within a second, and so " +
		"does its removal.\n\nIt asks no service and changes nothing."
}

// Run makes a token.
func (c *tokenCmd) Run(streams *wiring.Streams) error {
	grant, err := c.grant(time.Now())
	if err != nil {
		return wiring.Usage("%s", err)
	}
	token, line, err := apitoken.Make(c.Name, grant)
	if err != nil {
		return wiring.Usage("%s", err)
	}
	if c.JSON {
		return printJSON(streams.Out, map[string]string{"token": token, "line": line})
	}
	_, err = fmt.Fprintf(streams.Out, "# the token, for %s: it is not shown again\n%s\n"+
		"# its line for the file of --api-tokens\n%s\n", c.Name, token, line)
	return err
}

func (c *tokenCmd) grant(now time.Time) (apitoken.Grant, error) {
	grant, err := apitoken.ParseGrant(c.Rights)
	if err != nil {
		return grant, err
	}
	grant.Issuers, grant.Tenants = c.Issuer, c.Tenant
	for _, text := range c.Scope {
		scope, err := revocast.ParseScope(strings.TrimSpace(text))
		if err != nil {
			return grant, err
		}
		grant.Scopes = append(grant.Scopes, scope)
	}
	grant.Until = c.Until.Time.Time.Truncate(time.Second)
	if grant.Ended(now) {
		return grant, fmt.Errorf("--until %s has passed", grant.Until.Format(time.RFC3339))
	}
	return grant, nil
}
