package signing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// Stream signs the pieces of a payload that is sent in signed chunks, where each signature also
// covers the previous one. It is not safe for concurrent use.
type Stream struct {
	request  Request
	date     string // the request's
	previous string
	text     []byte // reused memory for the string to sign
}

// SignStream signs a request whose PayloadHash is one of the STREAMING-AWS4 values, and returns the
// stream that signs what follows its headers (S3 API Reference, "Transferring Payload in Multiple
// Chunks").
func (s *Signer) SignStream(r *Request) (Signed, *Stream, error) {
	if !strings.HasPrefix(r.PayloadHash, "STREAMING-AWS4-") {
		return Signed{}, nil, inputError(InputPayloadHash, "must be one of the STREAMING-AWS4 values")
	}
	signed, err := s.Sign(r)
	if err != nil {
		return Signed{}, nil, err
	}
	return signed, &Stream{request: *r, date: signed.Date, previous: signed.Signature}, nil
}

// Chunk returns the signature of the next chunk; the last chunk is empty. With [ECDSA] the
// signature is padded with asterisks to a fixed length, as it is sent.
func (s *Stream) Chunk(data []byte) (string, error) {
	empty, hash := sha256.Sum256(nil), sha256.Sum256(data)
	return s.chain("-PAYLOAD", s.date, empty[:], hash[:])
}

// Trailer returns the signature of the headers after the last chunk (S3 API Reference, "Including
// Trailing Headers").
func (s *Stream) Trailer(headers []Header) (string, error) {
	var d scratch
	for i, h := range headers {
		name, value, err := d.readHeader(i, h)
		if err != nil {
			return "", err
		}
		d.addField(name, notSent, value)
		d.fields[i].signed = true
	}
	d.arrangeFields()
	hash := sha256.Sum256(d.appendCanonicalHeaders(nil))
	return s.chain("-TRAILER", s.date, hash[:])
}

// Event returns the signature of the next message of an event stream, and the encoded :date header
// that it covers, which is sent before :chunk-signature (Transcribe Developer Guide, "Event stream
// encoding"). The last message is empty.
func (s *Stream) Event(t time.Time, payload []byte) (dateHeader []byte, signature string, err error) {
	const timestamp = 8 // the type of the header value
	dateHeader = append(dateHeader, byte(len(":date")))
	dateHeader = append(append(dateHeader, ":date"...), timestamp)
	dateHeader = binary.BigEndian.AppendUint64(dateHeader, uint64(t.UnixMilli()))
	headers, hash := sha256.Sum256(dateHeader), sha256.Sum256(payload)
	signature, err = s.chain("-PAYLOAD", formatTime(t), headers[:], hash[:])
	return dateHeader, signature, err
}

// paddedSignature is the length of an [ECDSA] signature within a payload.
const paddedSignature = 144

// chain signs the hashes of a piece together with the previous signature.
func (s *Stream) chain(kind, date string, hashes ...[]byte) (string, error) {
	r := &s.request
	text := append(append(append(s.text[:0], r.Algorithm.name()...), kind...), '\n')
	text = append(append(text, date...), '\n')
	scope := len(text)
	text = appendCredentialScope(text, r.Algorithm, date, r.Scope)
	key, err := r.Credentials.signingKey(r.Algorithm, text[scope:], r.Scope)
	if err != nil {
		return "", err
	}
	text = append(append(text, '\n'), s.previous...)
	for _, hash := range hashes {
		text = hex.AppendEncode(append(text, '\n'), hash)
	}
	s.text = text
	signature, err := key.appendSignature(nil, text, sha256.New())
	if err != nil {
		return "", err
	}
	s.previous = string(signature)
	if r.Algorithm == ECDSA {
		return s.previous + strings.Repeat("*", paddedSignature-len(s.previous)), nil
	}
	return s.previous, nil
}
