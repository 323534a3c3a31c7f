package embedredis

import (
	"crypto/sha1"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2/server"
)

// hook runs before every command, those that scripts call included, and reports
// whether it has answered. It may change args in place.
func (s *Server) hook(c *server.Peer, cmd string, args ...string) bool {
	switch {
	case cmd == "INFO":
		c.WriteBulk(s.infoText(args))
		return true
	case cmd == "CONFIG" && len(args) >= 2 && strings.EqualFold(args[0], "get"):
		s.writeConfig(c, args[1:])
		return true
	case cmd == "ACL" && len(args) >= 3 && strings.EqualFold(args[0], "dryrun"):
		c.WriteOK() // it has one user, who may do everything
		return true
	case cmd == "EVAL" && len(args) > 0:
		args[0] = s.withoutShebang(args[0])
		s.takeAlong(args)
	case cmd == "EVALSHA" && len(args) > 0:
		if sha, ok := s.plain.Load(strings.ToLower(args[0])); ok {
			args[0], _ = sha.(string)
		}
		s.takeAlong(args)
	}
	return false
}

// takeAlong puts the caller's clock forward by what [Server.Advance] has put this one: time
// that has passed has passed for both. A script of the account stores, which is known by its
// key, is told the caller's clock in its first argument.
func (s *Server) takeAlong(args []string) {
	if len(args) < 4 || args[1] != "1" || !strings.HasSuffix(args[2], "}:a:owed") {
		return
	}
	s.mu.Lock()
	ahead := s.ahead
	s.mu.Unlock()
	if ms, err := strconv.ParseInt(args[3], 10, 64); err == nil {
		args[3] = strconv.FormatInt(ms+ahead.Milliseconds(), 10)
	}
}

// withoutShebang turns the first line, which miniredis' Lua cannot read, into a
// comment, and remembers the script's own hash for EVALSHA.
func (s *Server) withoutShebang(script string) string {
	if !strings.HasPrefix(script, "#!") {
		return script
	}
	plain := "--" + script
	s.plain.Store(sha(script), sha(plain))
	return plain
}

func sha(script string) string {
	sum := sha1.Sum([]byte(script))
	return hex.EncodeToString(sum[:])
}

// section is one part of INFO.
type section struct {
	name   string
	fields map[string]string
}

const replID = "master_replid"

func sections(override map[string]string) []section {
	all := []section{
		{"server", map[string]string{"redis_version": "7.0.0", "redis_mode": "standalone"}},
		{"memory", map[string]string{"maxmemory": "0", "maxmemory_policy": "noeviction"}},
		{"persistence", map[string]string{"loading": "0", "aof_enabled": "1"}},
		{"replication", map[string]string{"role": "master", "connected_slaves": "0", replID: replicationID()}},
	}
	known := map[string]bool{}
	for _, s := range all {
		for name := range s.fields {
			known[name] = true
			if v, ok := override[name]; ok {
				s.fields[name] = v
			}
		}
	}
	for name, v := range override {
		if !known[name] {
			all[len(all)-1].fields[name] = v
		}
	}
	return all
}

func (s *Server) infoText(names []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, sec := range s.info {
		if len(names) > 0 && !slices.ContainsFunc(names,
			func(n string) bool { return strings.EqualFold(n, sec.name) }) {
			continue
		}
		b.WriteString("# " + sec.name + "\r\n")
		for _, name := range slices.Sorted(maps.Keys(sec.fields)) {
			b.WriteString(name + ":" + sec.fields[name] + "\r\n")
		}
	}
	return b.String()
}

func parameters(override map[string]string) map[string]string {
	all := map[string]string{
		"maxmemory-policy": "noeviction", "appendonly": "yes", "save": "",
		"min-replicas-to-write": "0", "min-replicas-max-lag": "10",
	}
	maps.Copy(all, override)
	return all
}

func (s *Server) writeConfig(c *server.Peer, names []string) {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(s.config)) {
		if slices.ContainsFunc(names, func(pattern string) bool { return matches(pattern, name) }) {
			pairs = append(pairs, name, s.config[name])
		}
	}
	c.WriteLen(len(pairs))
	for _, p := range pairs {
		c.WriteBulk(p)
	}
}

// matches reports whether CONFIG GET's pattern means name; of its wildcards, * alone is
// known, and only at the end.
func matches(pattern, name string) bool {
	pattern = strings.ToLower(pattern)
	if prefix, found := strings.CutSuffix(pattern, "*"); found {
		return strings.HasPrefix(name, prefix)
	}
	return name == pattern
}
