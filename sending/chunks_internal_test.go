package sending

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

const head = chunkSignature + "0000000000000000000000000000000000000000000000000000000000000000\r\n"

func newStream(t testing.TB) *signing.Stream {
	t.Helper()
	u, _, err := signing.ParseURL("https://s3.amazonaws.com/b/k", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, stream, err := new(signing.Signer).SignStream(&signing.Request{
		Method: "PUT", URL: u, Scope: signing.Scope{Service: "s3", Region: "us-east-1"}, PayloadHash: signing.StreamingPayload,
		Time: time.Unix(1e9, 0), SingleEncode: true, Credentials: signing.NewCredentials("AKIDEXAMPLE", "EXAMPLEKEY", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

var signatures = regexp.MustCompile("([=: ])[0-9a-fA-F]{64}( *\r?\n)")

func withoutSignatures(text string) string { return signatures.ReplaceAllString(text, "$1#$2") }

// Chunks that just fit into the buffer, or just do not, pass.
func TestChunks_AsLargeAsTheBuffer(t *testing.T) {
	full := len(piece{})
	for size := full - len("10400"+head) - 8; size < full+8; size++ {
		data := strings.Repeat("x", size)
		chunk := fmt.Sprintf("%x%s%s\r\n", size, head, data)
		body := chunk + "1" + head + "x\r\n" + chunk + "0" + head + "\r\n"
		out, err := io.ReadAll(newChunks(strings.NewReader(body), newStream(t), false))
		frame := func(text string) string { return withoutSignatures(strings.ReplaceAll(text, data, "")) }
		if err != nil || len(out) != len(body) || frame(string(out)) != frame(body) {
			t.Fatalf("chunks of %d bytes: %v, %d bytes of %d", size, err, len(out), len(body))
		}
	}
}

// Whatever the input, the output differs in signatures only, or ends in an error.
func FuzzChunks(f *testing.F) {
	signature := strings.Repeat("0", signatureSize)
	f.Add("5"+head+"hello\r\n0"+head+"\r\n", false)
	f.Add("0"+head+"\r\n", false)
	f.Add("0"+head+"a:b\r\nx-amz-trailer-signature:"+signature+"\r\n\r\n", true)
	f.Add("1"+head+"x\r\n0"+head+"a:b\n\r\nX-Amz-Trailer-Signature: "+signature+"\r\n\r\n", true)
	f.Add("A"+head+"0123456789\r\n0"+head+"x", true)
	f.Fuzz(func(t *testing.T, body string, trailer bool) {
		out, err := io.ReadAll(newChunks(strings.NewReader(body), newStream(t), trailer))
		if err != nil {
			return
		}
		if len(out) != len(body) || withoutSignatures(string(out)) != withoutSignatures(body) {
			t.Errorf("%q became %q", body, out)
		}
	})
}
