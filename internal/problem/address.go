package problem

import "regexp"

// addresses finds what tells where something is reached: URLs, IP addresses, names with a port, names that
// are looked up, sockets in the file system.
var addresses = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s"'` + "`" + `<>]+` +
	`|\[[0-9A-Fa-f:.]+(?:%\w+)?\](?::\d+)?` +
	`|\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?` +
	`|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}` +
	`|\b[A-Za-z][A-Za-z0-9_.-]*:\d{2,5}\b` +
	`|\blookup [^\s:]+` +
	`|\bunix /[^\s:]+`)

// WithoutAddresses returns p with a detail that names no address, for callers who need not know where the
// stores are. The log has the whole text.
func (p *Problem) WithoutAddresses() *Problem {
	q := *p
	q.Detail = WithoutAddresses(p.Detail)
	return &q
}

// WithoutAddresses is text without the addresses in it.
func WithoutAddresses(text string) string { return addresses.ReplaceAllString(text, "(address)") }
