package wiring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// arrange lets ids begin with a dash, as one in 64 random ids does. An argument that begins with
// a single dash is an id, because -h is the only flag of one letter. arrange moves ids behind --,
// where the parser accepts anything, and joins a flag with a value that begins with a dash. An
// argument that begins with two dashes stays as it is: a mistyped flag must not become an id.
func arrange(node *kong.Node, args []string) []string {
	var out, ids []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			ids = append(ids, args[i+1:]...)
			i = len(args)
		case takesValue(node, arg) && i+1 < len(args) && isDashed(args[i+1]):
			out = append(out, arg+"="+args[i+1])
			i++
		case takesValue(node, arg) && i+1 < len(args):
			out = append(out, arg, args[i+1])
			i++
		case strings.HasPrefix(arg, "--") || arg == "-h":
			out = append(out, arg)
		default:
			if child := command(node, arg); child != nil {
				node = child
			} else if len(ids) > 0 || isDashed(arg) {
				ids = append(ids, arg)
				continue
			}
			out = append(out, arg)
		}
	}
	if len(ids) > 0 {
		out = append(append(out, "--"), ids...)
	}
	return out
}

// isDashed reports whether arg is one dash and something after it.
func isDashed(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && arg[1] != '-' && arg != "-h"
}

func command(node *kong.Node, name string) *kong.Node {
	if len(node.Positional) > 0 {
		return nil
	}
	i := slices.IndexFunc(node.Children,
		func(n *kong.Node) bool { return n.Type == kong.CommandNode && n.Name == name })
	if i < 0 {
		return nil
	}
	return node.Children[i]
}

func takesValue(node *kong.Node, arg string) bool {
	name, long := strings.CutPrefix(arg, "--")
	if !long {
		return false
	}
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if f.Name == name {
				return !f.IsBool() && !f.IsCounter()
			}
		}
	}
	return false
}

// refuseEmpty refuses a flag that is given and empty. A script whose variable is empty still
// means something: --keep "$SID" would end the session that it was to spare, and --issuer "$ISS"
// with scope all would mean every issuer.
func refuseEmpty(parsed *kong.Context) error {
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Resolved || p.Flag.IsBool() {
			continue
		}
		if p.Flag.Target.Kind().String() == "string" && p.Flag.Target.String() == "" {
			return fmt.Errorf("--%s is empty: leave it out if none is meant", p.Flag.Name)
		}
	}
	return nil
}

func usageHint(name string, err error) string {
	if text := err.Error(); strings.HasPrefix(text, "unknown flag --") {
		return fmt.Sprintf("%s --help lists commands and flags; an id that begins with -- stands last, behind a -- "+
			"of its own", name)
	}
	return fmt.Sprintf("%s --help lists commands and flags", name)
}
