// Package unread answers requests whose body nobody reads, at once.
//
// net/http reads what is left of an announced body before it sends the answer, so that
// the connection can be used again. Where the body never comes, that is when the read
// deadline passes. It does not come, for one, from a gateway that asks about a request
// (nginx auth_request, ext_authz) and passes on its Content-Length or Transfer-Encoding
// with its other headers.
package unread

import (
	"io"
	"net/http"
	"time"
)

// linger is how long the connection is held open for what is left of a body after the
// answer. A connection that is closed with unread data in it is reset, and a client that is
// still sending loses the answer.
const linger = time.Second

// Handler has next answer at once whatever becomes of the request's body. Where next
// answers before it has read the body to its end, the connection is closed after the answer:
// whether the rest of the body comes cannot be known without waiting, and if it does not,
// the next request would be taken for it. A connection whose requests announce no body,
// or whose bodies are read, is used again. HTTP/2 has a stream for each body and needs none
// of this.
//
// It is for handlers that read the body before they answer, if they read it at all.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.ProtoMajor != 1 {
			next.ServeHTTP(w, r)
			return
		}
		// net/http looks at the type of its own request's body, so that one stays.
		own := new(http.Request)
		*own = *r
		body := &body{ReadCloser: r.Body}
		own.Body = body
		answer := &writer{ResponseWriter: w, body: body}
		next.ServeHTTP(answer, own)
		answer.begin()
		if !body.whole {
			// without one, the server's own holds
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger))
		}
	})
}

// body knows whether it was read to its end.
type body struct {
	io.ReadCloser
	whole bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.whole = true
	}
	return n, err
}

// writer closes the connection of an answer that the body was not read for.
type writer struct {
	http.ResponseWriter
	body  *body
	begun bool
}

func (w *writer) begin() {
	if !w.begun && !w.body.whole {
		w.Header().Set("Connection", "close")
	}
	w.begun = true
}

func (w *writer) WriteHeader(status int) {
	if status >= http.StatusOK { // 1xx answers are followed by the real one
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
