package publisherapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/revocast/revocast/internal/problem"
)

// handle serves one route. args are the variable parts of the path, decoded. An error becomes a
// problem, so handle must not have written anything by then.
type handle func(w http.ResponseWriter, r *http.Request, args []string) error

// route is one line of the interface. A pattern's segments in braces are variable. If the last
// segment is variable, it takes the rest of the path with all its slashes.
type route struct {
	method  string
	pattern string
	open    bool // needs no API token
	handle  handle
}

func (h *Handler) table() []route {
	routes := []route{
		{http.MethodPost, "/v1/revocations", false, h.postRevocations},
		{http.MethodGet, "/v1/revocations/{scope}/{id}", false, h.getStanding},
		{http.MethodGet, "/v1/revocations/all", false, h.getStandingAll},
		{http.MethodGet, "/v1/receipts/{position}", false, h.getReceipt},
		{http.MethodPost, "/v1/logout", true, h.postLogout}, // admits on its own
		{http.MethodPost, "/v1/password-changed", false, h.postPasswordChanged},
		{http.MethodPut, "/v1/bans/{principal}", false, h.putBan},
		{http.MethodDelete, "/v1/bans/{principal}", false, h.deleteBan},
		{http.MethodGet, "/v1/bans", false, h.getBans},
		{http.MethodGet, "/v1/names/{key}", false, h.getName},
		{http.MethodPost, "/v1/invalidations", false, h.postInvalidation},
		{http.MethodGet, "/v1/workers", false, h.getWorkers},
		{http.MethodGet, "/v1/events", false, h.getEvents},
		{http.MethodGet, "/healthz", true, h.getHealth},
		{http.MethodGet, "/readyz", true, h.getReady},
	}
	if h.deps.Metrics != nil {
		routes = append(routes, route{http.MethodGet, "/metrics", true, h.getMetrics})
	}
	if h.deps.Demo != nil {
		routes = append(
			routes,
			route{http.MethodPost, "/dev/login", true, h.postLogin},
			route{http.MethodGet, "/.well-known/jwks.json", true, h.getJWKS},
		)
	}
	return routes
}

// match is the result of matching a request's path and method.
type match struct {
	route
	args    []string
	refusal *problem.Problem // where handle is nil
	allow   string           // the methods that the path has
}

// find finds the route of r. It looks at the path as it was sent: [http.ServeMux]
// would clean "a//b" and ".." away and redirect, and both are ids.
func (h *Handler) find(r *http.Request) match {
	path := r.URL.EscapedPath()
	var allow []string
	for _, rt := range h.routes {
		raw, ok := capture(rt.pattern, path)
		if !ok {
			continue
		}
		if rt.method == r.Method || rt.method == http.MethodGet && r.Method == http.MethodHead {
			return h.found(rt, raw)
		}
		allow = append(allow, rt.method)
		if rt.method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	if len(allow) == 0 {
		refusal := problem.NotFound()
		if strings.HasPrefix(path, "/v1/") && strings.HasSuffix(path, "/") {
			refusal = refusal.WithHint("leave the last slash out; one that is part of a name is written %2F")
		}
		return match{route: route{pattern: "none"}, refusal: refusal}
	}
	slices.Sort(allow)
	return match{
		route:   route{pattern: "none"},
		refusal: problem.MethodNotAllowed(r.Method), allow: strings.Join(slices.Compact(allow), ", "),
	}
}

func (h *Handler) found(rt route, raw []string) match {
	args := make([]string, len(raw))
	for i, s := range raw {
		decoded, err := url.PathUnescape(s)
		if err != nil { // not reached through net/http, which parses the path first
			return match{route: route{pattern: "none"}, refusal: problem.NotFound()}
		}
		args[i] = decoded
	}
	return match{route: rt, args: args}
}

// capture compares an escaped path with a pattern and returns what stands in the variable
// segments, still escaped. None of them may be empty. A slash at the end of the rest is taken for
// a mistake in joining a path; a slash that is part of a name is written %2F.
func capture(pattern, path string) (args []string, ok bool) {
	for {
		var want, got string
		var more, rest bool
		want, pattern, more = strings.Cut(pattern, "/")
		variable := strings.HasPrefix(want, "{")
		if variable && !more {
			return append(args, path), path != "" && !strings.HasSuffix(path, "/")
		}
		got, path, rest = strings.Cut(path, "/")
		switch {
		case variable && got == "", !variable && got != want, more != rest:
			return nil, false
		case variable:
			args = append(args, got)
		}
		if !more {
			return args, true
		}
	}
}
