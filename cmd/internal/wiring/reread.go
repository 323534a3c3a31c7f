package wiring

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// reread is the contents of some files, which are read again each time that somebody asks. If
// they cannot be read or do not match, such as a certificate that is renewed before its key, that
// is logged once and the earlier contents stay. It is safe for concurrent use.
type reread[T any] struct {
	files []string
	parse func(contents [][]byte) (T, error)
	log   *slog.Logger

	mu       sync.Mutex // guards what follows
	contents [][]byte   // of the files when value was made
	value    T
	refused  string // the error that was logged last; empty: there is none now
}

// watch reads the files for the first time, and fails if they cannot be used.
func watch[T any](log *slog.Logger, parse func([][]byte) (T, error), files ...string) (*reread[T], error) {
	w := &reread[T]{files: files, parse: parse, log: log}
	if log == nil {
		w.log = slog.Default()
	}
	contents, err := w.read()
	if err != nil {
		return nil, err
	}
	if w.value, err = parse(contents); err != nil {
		return nil, err
	}
	w.contents = contents
	return w, nil
}

func (w *reread[T]) read() ([][]byte, error) {
	contents := make([][]byte, len(w.files))
	for i, file := range w.files {
		var err error
		if contents[i], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return contents, nil
}

// get returns what the files hold now, or what they held when they were last usable.
func (w *reread[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	contents, err := w.read()
	if err == nil && w.sameLocked(contents) {
		w.refused = ""
		return w.value
	}
	var value T
	if err == nil {
		value, err = w.parse(contents)
	}
	if err != nil {
		if text := err.Error(); text != w.refused {
			w.refused = text
			w.log.Warn("a renewed certificate cannot be used, the one before stays", "files", w.files, "error", err)
		}
		return w.value
	}
	w.log.Info("a renewed certificate counts from now on", "files", w.files)
	w.contents, w.value, w.refused = contents, value, ""
	return w.value
}

func (w *reread[T]) sameLocked(contents [][]byte) bool {
	for i := range contents {
		if !bytes.Equal(contents[i], w.contents[i]) {
			return false
		}
	}
	return true
}

// watchPair watches a certificate and its key; what says which flags name them.
func watchPair(log *slog.Logger, what, cert, key string) (*reread[*tls.Certificate], error) {
	w, err := watch(log, func(contents [][]byte) (*tls.Certificate, error) {
		pair, err := tls.X509KeyPair(contents[0], contents[1])
		return &pair, err
	}, cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return w, nil
}

// watchPool watches a file of authorities.
func watchPool(log *slog.Logger, what, file string) (*reread[*x509.CertPool], error) {
	w, err := watch(log, func(contents [][]byte) (*x509.CertPool, error) {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(contents[0]) {
			return nil, errors.New(file + ": no certificate in it")
		}
		return pool, nil
	}, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return w, nil
}
