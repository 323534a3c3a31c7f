package store_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
)

// half says what a proxy does with a command.
type half uint8

const (
	whole    half = iota // forwards it and its answer
	neither              // cuts the connection instead of forwarding it: it does not happen
	halfOnly             // forwards it and cuts the connection instead of answering: it happens
)

// respProxy stands between a client and a Redis and decides about each command.
type respProxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu     sync.Mutex // guards decide, which sees the commands one at a time
	decide func(command []string) half
}

func newRESPProxy(t testing.TB, target string) *respProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &respProxy{listener: l, target: target}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.wg.Wait()
	})
	return p
}

func (p *respProxy) url() string { return "redis://" + p.listener.Addr().String() }

func (p *respProxy) set(decide func([]string) half) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = decide
}

func (p *respProxy) about(command []string) half {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.decide == nil {
		return whole
	}
	return p.decide(command)
}

func (p *respProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() {
			defer client.Close()
			if server, err := net.Dial("tcp", p.target); err == nil {
				defer server.Close()
				p.serve(client, server)
			}
		})
	}
}

// serve carries commands and answers in step until something fails or is made to.
func (p *respProxy) serve(client, server net.Conn) {
	commands, answers := bufio.NewReader(client), bufio.NewReader(server)
	for {
		raw, words, err := readRESP(commands)
		if err != nil {
			return
		}
		what := p.about(words)
		if what == neither {
			return
		}
		if _, err := server.Write(raw); err != nil {
			return
		}
		answer, _, err := readRESP(answers)
		if err != nil || what == halfOnly {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// readRESP reads one value of RESP 2: its bytes, and the strings in it.
func readRESP(r *bufio.Reader) (raw []byte, words []string, err error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, nil, err
	}
	text := string(bytes.TrimSpace(line[1:]))
	switch line[0] {
	case '+', '-', ':':
		return line, []string{text}, nil
	case '$', '*':
	default:
		return nil, nil, fmt.Errorf("not RESP: %q", line)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 { // nil
		return line, nil, err
	}
	if line[0] == '$' {
		data := make([]byte, n+2)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, nil, err
		}
		return append(line, data...), []string{string(data[:n])}, nil
	}
	raw = line
	for range n {
		more, w, err := readRESP(r)
		if err != nil {
			return nil, nil, err
		}
		raw, words = append(raw, more...), append(words, w...)
	}
	return raw, words, nil
}
