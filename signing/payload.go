package signing

import "crypto/sha256"

// Values of [Request.PayloadHash] that are not hashes (S3 API Reference, "Authenticating Requests:
// Using the Authorization Header", payload options; Transcribe Developer Guide, "Event stream
// encoding").
const (
	UnsignedPayload                 = "UNSIGNED-PAYLOAD"
	StreamingPayload                = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingPayloadTrailer         = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingPayloadECDSA           = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	StreamingPayloadTrailerECDSA    = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
	StreamingUnsignedPayloadTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	StreamingEvents                 = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
)

// PayloadHash returns the lower-case hex SHA-256 of a payload; a request without a payload has the
// hash of the empty one.
func PayloadHash(payload []byte) string {
	var digits [2 * sha256.Size]byte
	return string(appendPayloadHash(digits[:0], payload))
}

func appendPayloadHash(dst, payload []byte) []byte {
	if len(payload) == 0 {
		return append(dst, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"...)
	}
	return appendHex(dst, sha256.Sum256(payload))
}

// badPayloadHash returns why a payload hash cannot be signed, or "" if it can.
func badPayloadHash(hash string) string {
	switch hash {
	case "":
		return "is missing"
	case UnsignedPayload, StreamingPayload, StreamingPayloadTrailer, StreamingPayloadECDSA,
		StreamingPayloadTrailerECDSA, StreamingUnsignedPayloadTrailer, StreamingEvents:
		return ""
	}
	if len(hash) != 2*sha256.Size || !hexDigits.all(hash) {
		return "must be a SHA-256 in 64 lower-case hexadecimal digits"
	}
	return ""
}
