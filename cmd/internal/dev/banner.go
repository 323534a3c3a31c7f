package dev

import (
	"fmt"
	"io"
	"net"
	"strings"
)

// banner prints commands to paste. The commands need a POSIX shell, curl and sed.
func banner(w io.Writer, api string, workers []string, apiToken string) {
	auth := ""
	if apiToken != "" {
		auth = ` -H "Authorization: Bearer $REVOCAST_API_TOKEN"`
	}
	check := fmt.Sprintf(
		`for p in %s; do curl -s -o /dev/null -w '%%{http_code}\n' -H "Authorization: Bearer $TOKEN" %s/check; done`,
		portList(workers), anyPort(workers[0]),
	)
	fmt.Fprintf(w, `
publisher  http://%s
workers    %s

1. log in as alice

   TOKEN=$(curl -s http://%s/dev/login -H 'Content-Type: application/json' -d '{"principal":"alice"}' |`+
		` sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')

2. every worker accepts her token

   %s

3. revoke everything that alice has, everywhere

   curl -s http://%s/v1/revocations%s -H 'Content-Type: application/json' -d '{"scope":"principal","id":"alice"}'

4. every worker refuses it

   %s

`, api, "http://"+strings.Join(workers, " http://"), api, check, api, auth, check)
}

// portList lists the workers' ports for a shell loop.
func portList(workers []string) string {
	var list []string
	for _, addr := range workers {
		_, port, _ := net.SplitHostPort(addr) // comes from a listener
		list = append(list, port)
	}
	return strings.Join(list, " ")
}

// anyPort is a worker's URL with the loop's variable in place of the port.
func anyPort(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return "http://" + net.JoinHostPort(host, "$p")
}
