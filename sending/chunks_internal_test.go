package sending

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// Whatever is read, what comes out differs in signatures alone, or ends in an
// error.
func FuzzChunks(f *testing.F) {
	signature := strings.Repeat("0", signatureSize)
	head := chunkSignature + signature + "\r\n"
	f.Add("5"+head+"hello\r\n0"+head+"\r\n", false)
	f.Add("0"+head+"\r\n", false)
	f.Add("0"+head+"a:b\r\nx-amz-trailer-signature:"+signature+"\r\n\r\n", true)
	f.Add("1"+head+"x\r\n0"+head+"a:b\n\r\nX-Amz-Trailer-Signature: "+signature+"\r\n\r\n", true)
	f.Add("A"+head+"0123456789\r\n0"+head+"x", true)
	u, _, err := signing.ParseURL("https://s3.amazonaws.com/b/k", nil)
	if err != nil {
		f.Fatal(err)
	}
	hex := regexp.MustCompile("([=: ])[0-9a-fA-F]{64}( *\r?\n)")
	f.Fuzz(func(t *testing.T, body string, trailer bool) {
		request := &signing.Request{
			Method: "PUT", URL: u, Scope: signing.Scope{Service: "s3", Region: "us-east-1"}, PayloadHash: signing.StreamingPayload,
			Time: time.Unix(1e9, 0), SingleEncode: true, Credentials: signing.NewCredentials("AKIDEXAMPLE", "EXAMPLEKEY", ""),
		}
		_, stream, err := new(signing.Signer).SignStream(request)
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(newChunks(strings.NewReader(body), stream, trailer))
		if err != nil {
			return
		}
		masked := func(text string) string { return hex.ReplaceAllString(text, "$1#$2") }
		if len(out) != len(body) || masked(string(out)) != masked(body) {
			t.Errorf("%q became %q", body, out)
		}
	})
}
