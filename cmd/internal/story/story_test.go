package story_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/freeport"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
)

const (
	patience  = 30 * time.Second
	pollEvery = 10 * time.Millisecond
	issuer    = "https://issuer.example"
)

// TestStories runs each file of testdata as its own test. Beside testscript's own
// commands a story has
//
//	nats [no-jetstream | user NAME PASSWORD]   starts a nats-server; sets $REVOCAST_NATS
//	redis [ARG...]                             starts a redis-server; sets $REVOCAST_REDIS
//	ports NAME...                              sets each to a free port
//	await-line FILE REGEXP                     waits until a line of the file matches
//	await-status CODE URL                      waits until the URL answers with the code
//	issuer FILE                                makes an issuer, its key set in the file
//	mint FILE PRINCIPAL [SESSION]              puts a token of it into the file
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			s := &story{t: t}
			testscript.Run(t, testscript.Params{
				Files:               []string{file},
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(env *testscript.Env) error {
					// A program that is built with the race detector sleeps a second at its end.
					env.Setenv("GORACE", "atexit_sleep_ms=0")
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"nats": s.nats, "redis": s.redis, "ports": s.ports,
					"await-line": s.awaitLine, "await-status": s.awaitStatus,
					"issuer": s.issuer, "mint": s.mint,
				},
			})
		})
	}
}

// story is what one script has started.
type story struct {
	t      *testing.T
	minter *token.Issuer
}

func (s *story) nats(ts *testscript.TestScript, _ bool, args []string) {
	var options []eventstest.Option
	switch {
	case len(args) == 1 && args[0] == "no-jetstream":
		options = append(options, eventstest.WithoutJetStream())
	case len(args) == 3 && args[0] == "user":
		options = append(options, eventstest.WithUser(args[1], args[2]))
	case len(args) != 0:
		ts.Fatalf("usage: nats [no-jetstream | user NAME PASSWORD]")
	}
	ts.Setenv("REVOCAST_NATS", eventstest.NewServer(s.t, options...).URL())
}

func (s *story) redis(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("REVOCAST_REDIS", storetest.Redis(s.t, args...).URL())
}

// ports finds ports that are free.
func (s *story) ports(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		port, err := freeport.Find()
		ts.Check(err)
		ts.Setenv(name, strconv.Itoa(port))
	}
}

func (s *story) awaitLine(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: await-line FILE REGEXP")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	err = poll(func() error {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !want.Match(data) {
			err = fmt.Errorf("no line matches %q in\n%s", args[1], data)
		}
		return err
	})
	ts.Check(err)
}

func (s *story) awaitStatus(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: await-status CODE URL")
	}
	ts.Check(awaitStatus(args[0], args[1]))
}

func awaitStatus(code, url string) error {
	return poll(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && strconv.Itoa(resp.StatusCode) != code {
			err = fmt.Errorf("%s answers %s: %s", url, resp.Status, body)
		}
		return err
	})
}

func (s *story) issuer(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: issuer FILE")
	}
	key, err := token.NewSigningKey()
	ts.Check(err)
	s.minter, err = token.NewIssuer(issuer, key, token.IssuerOptions{})
	ts.Check(err)
	set, err := s.minter.JWKS()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), set, 0o600))
}

func (s *story) mint(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 || len(args) > 3 || s.minter == nil {
		ts.Fatalf("usage: mint FILE PRINCIPAL [SESSION], after issuer")
	}
	grant := token.Grant{Principal: args[1]}
	if len(args) == 3 {
		grant.Session = args[2]
	}
	issued, err := s.minter.Issue(grant)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(issued.Token), 0o600))
}

// poll calls f until it returns nil, and gives its last error when patience ends.
func poll(f func() error) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(pollEvery)
	defer again.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-deadline.C:
			return err
		case <-again.C:
		}
	}
}
