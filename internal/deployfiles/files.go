// Package deployfiles fills in the configuration files of deploy/ for servers on one
// machine: tests and the fault runs start what is shipped, and not something like it.
// Only what differs between machines is replaced: addresses, folders, passwords; blocks
// that are shipped as comments are uncommented where they are asked for.
package deployfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Folder is deploy/ of the module that the working directory is in.
func Folder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		folder := filepath.Join(dir, "deploy")
		if _, err := os.Stat(filepath.Join(folder, "redis.conf")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no deploy/redis.conf above the working directory: run this inside the repository")
		}
		dir = parent
	}
}

func read(name string) (string, error) {
	folder, err := Folder()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(folder, name))
	return string(text), err
}

// TLS are the files that a server's TLS block names. The zero value leaves it a comment.
type TLS struct{ Cert, Key, CA string }

// Config is a client's configuration that shows the certificate and trusts the authority.
func (f TLS) Config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}}
	c.RootCAs.AppendCertsFromPEM(authority)
	return c, nil
}

// conf is a file while it is filled in. The first thing that is not in it is the error.
type conf struct {
	text string
	err  error
}

// replace puts text in the place of what the pattern matches, everywhere.
func (c *conf) replace(pattern, text string) {
	re := regexp.MustCompile("(?m)" + pattern)
	if !re.MatchString(c.text) && c.err == nil {
		c.err = fmt.Errorf("deploy: nothing matches %s", pattern)
	}
	c.text = re.ReplaceAllLiteralString(c.text, text)
}

// uncomment takes "# " off the lines from one that begins with first to one that begins
// with last.
func (c *conf) uncomment(first, last string) {
	lines := strings.Split(c.text, "\n")
	for i, inside := 0, false; i < len(lines); i++ {
		line, commented := strings.CutPrefix(lines[i], "# ")
		inside = inside || commented && strings.HasPrefix(line, first)
		if !inside {
			continue
		}
		lines[i] = line
		if strings.HasPrefix(line, last) {
			c.text = strings.Join(lines, "\n")
			return
		}
	}
	if c.err == nil {
		c.err = fmt.Errorf("deploy: no comment from %q to %q", first, last)
	}
}

// write writes the file, unless something is wrong with it.
func (c *conf) write(name string) error {
	if c.err != nil {
		return c.err
	}
	return os.WriteFile(name, []byte(c.text), 0o600)
}
