package naming

import (
	"fmt"
	"slices"
	"strings"
)

// Nearest is the name that want most likely was meant to be, empty if there is none: one
// that differs in case, scheme, a slash at the end, spaces, or in one or two letters.
func Nearest(want string, names []string) string {
	best, bestAt := "", 3
	for _, name := range names {
		d := distance(plain(want), plain(name))
		if d < bestAt && (d == 0 || len(want) > 4*d) {
			best, bestAt = name, d
		}
	}
	return best
}

// plain is an issuer's name without what people leave out or add.
func plain(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, scheme := range []string{"https://", "http://"} {
		name = strings.TrimPrefix(name, scheme)
	}
	return strings.TrimRight(name, "/")
}

// distance counts the letters to change, add or drop from a to b; 3 stands for more.
func distance(a, b string) int {
	const far = 3
	if len(a) > 256 || len(b) > 256 || len(a)-len(b) >= far || len(b)-len(a) >= far {
		return far
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], far)
}

// QuoteSome lists names for people, sorted, not too many.
func QuoteSome(names []string) string {
	const most = 5
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	parts := make([]string, 0, most+1)
	for _, n := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%q", ClipName(n)))
	}
	if more := len(names) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	switch len(parts) {
	case 0:
		return "none"
	case 1:
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// ClipName shortens a configured name. Issuers differ at their ends, so it is generous.
func ClipName(name string) string {
	const limit = 300
	if len(name) <= limit {
		return name
	}
	return name[:limit] + "…"
}
