package refresh

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/revocast/revocast/internal/script"
)

// names is how many texts a body has before the data.
const names = 5

// body packs what only Go looks at: each text behind its length, the data as JSON.
func body(f Family, data string) string {
	var buf []byte
	for _, text := range [names]string{f.Principal, f.Session, f.Tenant, f.Client, f.Scope} {
		buf = binary.AppendUvarint(buf, uint64(len(text)))
		buf = append(buf, text...)
	}
	return string(buf) + data
}

// unpack is the inverse of body.
func unpack(packed string, f *Family) bool {
	for _, text := range [names]*string{&f.Principal, &f.Session, &f.Tenant, &f.Client, &f.Scope} {
		n, size := uvarint(packed)
		if size <= 0 || uint64(len(packed)-size) < n {
			return false
		}
		*text, packed = packed[size:size+int(n)], packed[size+int(n):]
	}
	return packed == "" || json.Unmarshal([]byte(packed), &f.Data) == nil
}

func uvarint(s string) (n uint64, size int) {
	return binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
}

// readFamily reads the four fields of a family that scripts show: its id, and m, u and b as
// family.lua describes them.
func readFamily(r *script.Reader) Family {
	f := Family{ID: r.Text()}
	moving, fixed := words(r, 8), words(r, 5)
	if packed := r.Text(); !unpack(packed, &f) {
		r.Fail("want a body", packed)
	}
	if r.Err != nil {
		return Family{}
	}
	f.Number = uint32(number(r, moving[4]))
	f.Expires, f.Ends, f.Rotated = instant(r, moving[1]), instant(r, moving[3]), instant(r, moving[5])
	f.AuthTime, f.Issued = instant(r, fixed[3]), instant(r, fixed[4])
	return f
}

func words(r *script.Reader, n int) []string {
	text := r.Text()
	w := strings.Split(text, " ")
	if len(w) != n {
		r.Fail("want "+strconv.Itoa(n)+" words", text)
	}
	return w
}

func number(r *script.Reader, text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.Fail("want a number", text)
	}
	return n
}

func instant(r *script.Reader, text string) time.Time { return time.UnixMilli(number(r, text)) }
