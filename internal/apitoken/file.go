package apitoken

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
)

const (
	rereadEvery = time.Second
	maxFile     = 1 << 20 // bytes
)

// File is the tokens of a file, which is read again each second while Run runs. If it cannot be
// used then, that is logged once and the earlier tokens stay. It is safe for concurrent use.
type File struct {
	path string
	log  *slog.Logger
	set  atomic.Pointer[Set]

	mu      sync.Mutex // guards what follows
	content []byte     // that set was made of
	refused string     // the error that was logged last; empty: there is none now
}

// Open reads a file for the first time, and fails if it cannot be used.
func Open(path string, log *slog.Logger) (*File, error) {
	if log == nil {
		log = slog.Default()
	}
	f := &File{path: path, log: log}
	content, mode, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("%w: API tokens: %w", revocast.ErrInvalid, err)
	}
	set, err := f.parse(content, mode)
	if err != nil {
		return nil, err
	}
	f.content = content
	f.set.Store(set)
	return f, nil
}

func (f *File) read() ([]byte, fs.FileMode, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s: more than %d bytes", f.path, maxFile)
	}
	return content, info.Mode().Perm(), err
}

func (f *File) parse(content []byte, mode fs.FileMode) (*Set, error) {
	set, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	// A user that can write the file can let itself in, also where the file holds hashes alone.
	others := mode & 0o002
	if set.plain {
		others = mode & 0o007
	}
	if others != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%w: other users of this machine may use %s (mode %04o): run `chmod o-rwx %s`",
			revocast.ErrInvalid, f.path, mode, f.path)
	}
	return set, nil
}

// Reload reads the file again.
func (f *File) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, mode, err := f.read()
	var set *Set
	if err == nil {
		set, err = f.parse(content, mode)
	}
	switch {
	case err != nil:
		if text := err.Error(); text != f.refused {
			f.refused = text
			f.log.Warn("the file of API tokens cannot be used, the tokens from before stay", "error", err)
		}
	case bytes.Equal(content, f.content):
		f.refused = ""
	default:
		f.log.Info("the file of API tokens was read again", "file", f.path, "tokens", len(set.list))
		f.content, f.refused = content, ""
		f.set.Store(set)
	}
}

// Run reads the file each second until ctx ends.
func (f *File) Run(ctx context.Context) error {
	tick := time.NewTicker(rereadEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.Reload()
		case <-ctx.Done():
			return nil
		}
	}
}

// MatchCertificate is [Set.MatchCertificate] of what the file held when it was last usable.
func (f *File) MatchCertificate(c *x509.Certificate) (*Token, bool) {
	return f.set.Load().MatchCertificate(c)
}

// Match is [Set.Match] of what the file held when it was last usable.
func (f *File) Match(bearer string) (*Token, bool) { return f.set.Load().Match(bearer) }
