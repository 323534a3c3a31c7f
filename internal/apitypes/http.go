package apitypes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/problem"
)

// RealmHeader names the realm that a request is meant for. A server of another realm refuses
// the request.
const RealmHeader = "Revocast-Realm"

// MaxBody is how many bytes of a request's body are read: 1 MiB.
const MaxBody = 1 << 20

// ReadBody reads a JSON request's body, at most [MaxBody] bytes. An empty body is accepted with
// any Content-Type. Any other body must be application/json: unlike a form's types, a foreign web
// page cannot send that without a CORS preflight. A request that its header already makes wrong
// is refused without waiting for the body. Errors are for [problem.From].
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	kind := checkKind(w, r.Header)
	switch {
	case kind != nil && (r.ContentLength > 0 || len(r.Header["Content-Type"]) > 0):
		return nil, kind
	case r.ContentLength > MaxBody:
		return nil, tooLarge()
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var beyond *http.MaxBytesError
	switch {
	case errors.As(err, &beyond):
		return nil, tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.New(http.StatusRequestTimeout, "body-timeout", "Body not received",
			"the request says that it has a body, and it did not come in time").
			WithHint("a gateway that passes on a request's header without its body has to take out " +
				"Content-Length and Transfer-Encoding")
	case err != nil:
		return nil, fmt.Errorf("%w: the body could not be read to its end", revocast.ErrInvalid)
	case len(data) == 0: // in chunks, of which there were none
		return nil, nil
	}
	return data, kind
}

func tooLarge() error {
	return problem.New(http.StatusRequestEntityTooLarge, "too-large", "Body too large",
		fmt.Sprintf("the body has more than %d bytes", MaxBody)).WithHint("send several smaller requests")
}

// checkKind accepts one Content-Type, JSON, without compression. If there were two types, or a
// compressed body, a proxy in between could read something other than what is read here.
func checkKind(w http.ResponseWriter, h http.Header) error {
	if packed := h.Values("Content-Encoding"); len(packed) > 0 {
		w.Header().Set("Accept-Encoding", "identity") // RFC 9110 §15.5.16
		return unsupported("Content-Encoding is "+strconv.Quote(clip(strings.Join(packed, ", "))),
			"send the JSON as it is, without Content-Encoding")
	}
	given := h.Values("Content-Type")
	if len(given) == 1 && isJSON(given[0]) {
		return nil
	}
	w.Header().Set("Accept-Post", "application/json")
	return unsupported("Content-Type is "+strconv.Quote(clip(strings.Join(given, ", "))),
		"send JSON, with `Content-Type: application/json`")
}

func isJSON(given string) bool {
	media, params, err := mime.ParseMediaType(given)
	charset, ok := params["charset"]
	return err == nil && media == "application/json" && (!ok || strings.EqualFold(charset, "utf-8"))
}

func unsupported(detail, hint string) error {
	return problem.New(http.StatusUnsupportedMediaType, "unsupported-media-type", "Unsupported media type",
		detail).WithHint(hint)
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
	if err != nil { // only a claim of a type that JSON lacks
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
