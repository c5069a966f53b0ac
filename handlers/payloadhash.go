package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/problem"
	"countersign/signing"
)

// maxHashed is the largest object that S3 accepts in one PUT, 5 GiB (Amazon S3 User Guide, "Uploading objects").
const maxHashed = 5 << 30

type hashed struct {
	PayloadSHA256 string `json:"payloadSha256"`
	TreeSHA256    string `json:"treeSha256,omitzero"`
	PayloadLength int64  `json:"payloadLength"`
}

// HashPayload hashes a body of any media type while it arrives and keeps none of it. A body may take as long as it
// likes if it keeps to the minimum rate.
func (h *Handlers) HashPayload() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
			WriteError(w, r, &problem.Error{Code: "content_encoding_unsupported", Detail: "The body is compressed, so its " +
				"bytes are not those that you will send."})
			return
		}
		parameters, err := readParameters(r, "tree")
		if err != nil {
			WriteError(w, r, err)
			return
		}
		linear, tree := sha256.New(), hash.Hash(nil)
		into := io.Writer(linear)
		switch parameters["tree"] {
		case "", "false":
		case "true":
			tree = signing.NewTreeHash()
			into = io.MultiWriter(linear, tree)
		default:
			WriteError(w, r, &problem.Error{
				Code: "field_invalid", Detail: "The parameter tree is invalid.",
				Fields: []problem.Field{{Pointer: "/tree", Detail: "must be true or false."}},
			})
			return
		}
		body := &patientBody{
			body: http.MaxBytesReader(w, r.Body, maxHashed), control: http.NewResponseController(w),
			until: h.Now().Add(maxSilence), now: h.Now,
		}
		n, err := io.CopyBuffer(into, struct{ io.Reader }{body}, make([]byte, 32<<10))
		if err != nil {
			WriteError(w, r, BodyUnreadable(err))
			return
		}
		if err := emptyChunk(r.Header, n); err != nil { // the caller does not want the hash of nothing
			WriteError(w, r, err)
			return
		}
		out := hashed{PayloadSHA256: hex.EncodeToString(linear.Sum(nil)), PayloadLength: n}
		if tree != nil {
			out.TreeSHA256 = hex.EncodeToString(tree.Sum(nil))
		}
		writeJSON(w, r, http.StatusOK, "application/json", out)
	})
}

// patientBody lets a body take longer than the server's own timeouts allow: a large body is slow, but it must be
// neither silent nor a trickle that only occupies a place.
type patientBody struct {
	body    io.Reader
	control *http.ResponseController
	until   time.Time // deadline from the minimum rate
	now     func() time.Time
}

const (
	maxSilence = 30 * time.Second
	minRate    = 1 << 10 // bytes a second
)

func (p *patientBody) Read(b []byte) (int, error) {
	until := p.now().Add(maxSilence)
	if p.until.Before(until) {
		until = p.until
	}
	// Servers without deadlines, such as a recorder in a test, have none to set.
	_ = p.control.SetReadDeadline(until)
	_ = p.control.SetWriteDeadline(until.Add(maxSilence))
	n, err := p.body.Read(b)
	p.until = p.until.Add(time.Duration(n) * time.Second / minRate)
	return n, err
}
