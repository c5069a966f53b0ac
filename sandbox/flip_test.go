package sandbox_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/sandbox"
	"countersign/signing"
)

// Bits that may be flipped without a refusal by the gateway, and why. Every other flip must be refused.
const (
	caseOfName  = "header names have no case (RFC 9110, section 5.1)"
	lineEnd     = "a line may end with white space and a bare line feed (RFC 9112, section 2.2)"
	minor       = "a minor version of HTTP/1 changes no meaning (RFC 9110, section 2.5)"
	caseOfHex   = "%2f and %2F are the same character (RFC 3986, section 6.2.2.1); S3 and every query are decoded before they are signed"
	zeroLength  = "09 and 9 are the same length (RFC 9110, section 8.6)"
	notInTheSig = "User-Agent is unsigned by design: every hop may change it"
)

var bits = flag.Int("bits", 1, "how many bits to flip in each byte, one at a time; 8 is the full run")

// One bit, or each of the eight in turn, is flipped in every byte of a signed request, and the result is sent over a
// new connection.
func TestGatewayRefusesEveryFlippedBit(t *testing.T) {
	for _, c := range []struct {
		name    string
		service string
		sign    func(*testing.T, call) *http.Request
		want    map[string]int
	}{
		{"signed by Countersign", "execute-api", countersigned, map[string]int{
			caseOfName: 69, lineEnd: 7, minor: 4, caseOfHex: 1, zeroLength: 1, notInTheSig: 116,
		}},
		{"signed by Countersign for S3", "s3", countersigned, map[string]int{
			caseOfName: 69, lineEnd: 7, minor: 4, caseOfHex: 2, zeroLength: 1, notInTheSig: 116,
		}},
		{"signed by the SDK", "execute-api", func(t *testing.T, c call) *http.Request { return c.request(t) }, map[string]int{
			caseOfName: 55, lineEnd: 6, minor: 4, caseOfHex: 1, notInTheSig: 116,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := start(t, sandbox.Options{Service: c.service})
			r := c.sign(t, call{
				method: "POST", target: "/prod/a%2Fb/orders?q=x%2Fy&b=", body: `{"id":42}`, service: c.service,
				keys: assumeRole(t, sandbox.New(fixed(sandbox.Options{})), nil),
			})
			w := wire{raw: rawRequest(r), address: strings.TrimPrefix(server.GatewayURL, "http://"), s3: c.service == "s3"}
			signed := w.send(t, w.raw).seen(t)
			taken := map[string]int{}
			for i := range w.raw {
				if testing.Short() && i%3 > 0 {
					continue
				}
				for n := range *bits {
					bit := (i + n) % 8
					changed := bytes.Clone(w.raw)
					changed[i] ^= 1 << bit
					got := w.send(t, changed)
					if got.status >= 400 && got.status <= 505 {
						continue
					}
					seen := got.seen(t)
					seen.RequestID, seen.Path, seen.Query = signed.RequestID, signed.Path, signed.Query // checked by harmless
					if seen != signed {
						t.Errorf("gateway saw %+v after bit %d of byte %d was flipped, want %+v", seen, bit, i, signed)
					}
					taken[w.harmless(t, i, changed)]++
				}
			}
			if *bits == 8 && !maps.Equal(taken, c.want) {
				t.Errorf("accepted: %v\nwant:  %v (of %d bits)", taken, c.want, 8*len(w.raw))
			}
			for reason, n := range taken {
				if n > c.want[reason] {
					t.Errorf("%d accepted, want at most %d: %s", n, c.want[reason], reason)
				}
			}
		})
	}
}

// countersigned signs a call with this project's signer.
func countersigned(t *testing.T, c call) *http.Request {
	t.Helper()
	r := c.request(t)
	target, _, err := signing.ParseURL("http://"+r.Host+c.target, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := new(signing.Signer).Sign(&signing.Request{
		Method: r.Method, URL: target, PayloadHash: signing.PayloadHash([]byte(c.body)), Time: clock,
		Scope: signing.Scope{Service: c.service, Region: "us-east-1"}, SingleEncode: c.service == "s3",
		ContentSHA256Header: true,
		Credentials:         signing.NewCredentials(c.keys.AccessKeyID, c.keys.SecretAccessKey, c.keys.SessionToken),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.RequestURI = strings.TrimPrefix(signed.URL.String(), "http://"+r.Host)
	r.Header = http.Header{"Content-Length": r.Header["Content-Length"]}
	for _, h := range signed.Headers {
		r.Header.Set(h.Name, h.Value)
	}
	return r
}

// rawRequest is a request as it is on the wire, with an unsigned User-Agent.
func rawRequest(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body)
	r.Header.Set("User-Agent", "flip/1")
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Host)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		text += name + ": " + r.Header.Get(name) + "\r\n"
	}
	return append([]byte(text+"\r\n"), body...)
}

// wire is a request and its destination.
type wire struct {
	raw     []byte
	address string
	s3      bool
}

// send sends bytes and nothing more, and reads the response. A connection that is closed without a response counts as
// a refusal.
func (w wire) send(t *testing.T, raw []byte) serverResponse {
	t.Helper()
	c, err := net.Dial("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	conn := c.(*net.TCPConn)
	defer func() { _ = conn.Close() }()
	if err := conn.SetLinger(0); err != nil { // no TIME_WAIT: this dials more often than there are ports
		t.Fatal(err)
	}
	_, err = conn.Write(raw)
	if err = errors.Join(err, conn.CloseWrite()); err != nil {
		return serverResponse{status: http.StatusBadRequest}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return serverResponse{status: http.StatusBadRequest}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return serverResponse{response.StatusCode, response.Header, body}
}

// harmless returns why an accepted request still means what was signed.
func (w wire) harmless(t *testing.T, i int, changed []byte) string {
	t.Helper()
	lineStart := bytes.LastIndexByte(w.raw[:i], '\n') + 1
	line, _, _ := bytes.Cut(w.raw[lineStart:], []byte("\n"))
	at := i - lineStart
	colon := bytes.IndexByte(line, ':')
	isCase := w.raw[i]^changed[i] == 0x20
	switch {
	case lineStart == 0 && bytes.HasSuffix(line[:at], []byte("HTTP/1.")):
		return minor
	case lineStart == 0 && isCase && at > 1 && line[at-2] == '%' && (w.s3 || bytes.IndexByte(line, '?') < at):
		return caseOfHex
	case bytes.HasPrefix(line, []byte("Content-Length:")) && w.raw[i] == ' ' && changed[i] == '0':
		return zeroLength
	case w.raw[i] == '\r' && strings.TrimSpace(string(changed[i:i+1])) == "":
		return lineEnd
	case bytes.HasPrefix(line, []byte("User-Agent:")):
		return notInTheSig
	case lineStart > 0 && at < colon && isCase:
		return caseOfName
	}
	t.Errorf("gateway accepted %q, changed at byte %d: %q", changed, i, line)
	return "unexplained"
}
