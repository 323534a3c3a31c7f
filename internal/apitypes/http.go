package apitypes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/problem"
)

// MaxBody is how many bytes of a request's body are read: 1 MiB.
const MaxBody = 1 << 20

// ReadBody reads a JSON request's body, at most [MaxBody] bytes. An empty one is
// returned as such whatever its Content-Type. Any other must say application/json:
// that, unlike the types a form can have, no foreign web page can send without a
// CORS preflight. Errors are for [problem.From].
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem.New(http.StatusRequestEntityTooLarge, "too-large", "Body too large",
			fmt.Sprintf("the body has more than %d bytes", MaxBody)).WithHint("send several smaller requests")
	case err != nil:
		return nil, fmt.Errorf("%w: the body could not be read to its end", revocast.ErrInvalid)
	case len(data) == 0:
		return nil, nil
	}
	return data, checkType(w, r.Header.Get("Content-Type"))
}

func checkType(w http.ResponseWriter, given string) error {
	media, params, err := mime.ParseMediaType(given)
	charset, ok := params["charset"]
	if err == nil && media == "application/json" && (!ok || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	w.Header().Set("Accept-Post", "application/json")
	return problem.New(http.StatusUnsupportedMediaType, "unsupported-media-type", "Unsupported media type",
		"Content-Type is "+strconv.Quote(clip(given))).WithHint("send JSON, with `Content-Type: application/json`")
}

// ReadRequest reads and decodes a request's body. Errors are for [problem.From].
func ReadRequest(w http.ResponseWriter, r *http.Request, req Request) error {
	data, err := ReadBody(w, r)
	if err != nil {
		return err
	}
	return Decode(data, req)
}

// Write answers with v in JSON. Answers about revocations are never cached.
func Write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a claim of a type that JSON does not have
		problem.Write(w, problem.Internal())
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone is told nothing
}
