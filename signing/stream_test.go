package signing_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// streamVector is a request whose payload is signed in chunks.
type streamVector struct {
	Request vector
	Chunks  []struct {
		Text         string
		Times        int
		Signature    string
		StringToSign []string
	}
	Trailer *struct {
		Headers   [][2]string
		Signature string
	}
	Events []struct{ Time, Headers, Payload, Signature string }
}

func loadStreams(t *testing.T) []streamVector {
	t.Helper()
	var file struct {
		Source string
		Cases  []streamVector
	}
	loadJSON(t, "streams.json", &file)
	chunks, trailers, events := 0, 0, 0
	for _, c := range file.Cases {
		chunks, events = chunks+len(c.Chunks), events+len(c.Events)
		if c.Trailer != nil {
			trailers++
		}
	}
	if got, want := [...]int{len(file.Cases), chunks, trailers, events}, [...]int{5, 12, 2, 4}; got != want {
		t.Fatalf("streams.json has %v cases, chunks, trailers and events, want %v", got, want)
	}
	return file.Cases
}

func TestStream_Vectors(t *testing.T) {
	for _, v := range loadStreams(t) {
		t.Run(v.Request.Name, func(t *testing.T) {
			r := v.Request.request(t)
			signed, stream, err := new(signing.Signer).SignStream(r)
			if err != nil {
				t.Fatal(err)
			}
			v.Request.Header.compare(t, signed, v.Request.key(t, r))
			for i, c := range v.Chunks {
				got, err := stream.Chunk([]byte(strings.Repeat(c.Text, c.Times)))
				if err != nil || got != c.Signature {
					t.Fatalf("Chunk %d = %s, %v, want %s", i, got, err, c.Signature)
				}
			}
			if v.Trailer != nil {
				var headers []signing.Header
				for _, h := range v.Trailer.Headers {
					headers = append(headers, signing.Header{Name: h[0], Value: h[1]})
				}
				if got, err := stream.Trailer(headers); err != nil || got != v.Trailer.Signature {
					t.Errorf("Trailer = %s, %v, want %s", got, err, v.Trailer.Signature)
				}
			}
			for i, e := range v.Events {
				at, err := time.Parse("20060102T150405Z", e.Time)
				if err != nil {
					t.Fatal(err)
				}
				payload, err := hex.DecodeString(e.Payload)
				if err != nil {
					t.Fatal(err)
				}
				header, got, err := stream.Event(at, payload)
				if err != nil || hex.EncodeToString(header) != e.Headers || got != e.Signature {
					t.Fatalf("Event %d = %x, %s, %v, want %s, %s", i, header, got, err, e.Headers, e.Signature)
				}
			}
		})
	}
}

// Version 4a signatures are padded when sent, but not in the string to sign of the next one.
func TestStream_Version4a(t *testing.T) {
	r := exampleRequest(t)
	r.Algorithm, r.PayloadHash = signing.ECDSA, signing.StreamingPayloadTrailerECDSA
	signer := new(signing.Signer)
	signed, stream, err := signer.SignStream(r)
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.DeriveKey(r.Algorithm, r.Credentials, r.Time, r.Scope)
	if err != nil {
		t.Fatal(err)
	}
	previous := signed.Signature
	for _, piece := range []struct {
		kind   string
		hashes []string
		sign   func() (string, error)
	}{
		{
			"-PAYLOAD",
			[]string{signing.PayloadHash(nil), signing.PayloadHash([]byte("data"))},
			func() (string, error) { return stream.Chunk([]byte("data")) },
		},
		{"-PAYLOAD", []string{signing.PayloadHash(nil), signing.PayloadHash(nil)}, func() (string, error) { return stream.Chunk(nil) }},
		{"-TRAILER", []string{signing.PayloadHash([]byte("x-amz-checksum-crc32c:sOO8/Q==\n"))}, func() (string, error) {
			return stream.Trailer([]signing.Header{{Name: "X-Amz-Checksum-Crc32c", Value: " sOO8/Q=="}})
		}},
	} {
		padded, err := piece.sign()
		if err != nil || len(padded) != 144 {
			t.Fatalf("signature %q, %v, want 144 characters", padded, err)
		}
		text := strings.Join(
			append([]string{string(signing.ECDSA) + piece.kind, signed.Date, signed.CredentialScope, previous}, piece.hashes...), "\n",
		)
		if previous = strings.TrimRight(padded, "*"); !key.Verify(text, previous) {
			t.Errorf("signature %s does not verify over\n%s", padded, text)
		}
	}
}

func TestSignStream_RejectsAPayloadInOnePiece(t *testing.T) {
	for _, hash := range []string{signing.PayloadHash(nil), signing.UnsignedPayload, signing.StreamingUnsignedPayloadTrailer, ""} {
		r := exampleRequest(t)
		r.PayloadHash = hash
		_, _, err := new(signing.Signer).SignStream(r)
		if input := wantInputError(t, err); input.Part != signing.InputPayloadHash {
			t.Errorf("SignStream with %q: %v, want an error about the payload hash", hash, input)
		}
	}
}

func TestTrailer_RejectsALineBreak(t *testing.T) {
	r := exampleRequest(t)
	r.PayloadHash = signing.StreamingPayloadTrailer
	_, stream, err := new(signing.Signer).SignStream(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Trailer([]signing.Header{{Name: "a", Value: "b\nc:d"}})
	_ = wantInputError(t, err)
}
