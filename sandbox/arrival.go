package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/signing"
)

const dateFormat = "20060102"

// arrival is a request as it was received; nothing in it is trusted yet.
type arrival struct {
	method  string
	path    string // from the request line, not decoded
	query   string // the same, without the question mark
	host    string
	headers http.Header
	body    []byte
}

// receive reads a whole request. The target is taken from the request line: net/url does not keep the spelling that
// was signed.
func receive(r *http.Request, limit int64) (arrival, *refusal) {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") {
		return arrival{}, &refusal{kind: malformed, message: "Bad Request"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return arrival{}, &refusal{kind: tooLong, message: "Request Too Long"}
	}
	if err != nil {
		return arrival{}, &refusal{kind: malformed, message: "Bad Request"}
	}
	return arrival{method: r.Method, path: path, query: query, host: r.Host, headers: r.Header, body: body}, nil
}

// spoil changes one byte. It writes a digit, so that an escape at the end stays one.
func (a *arrival) spoil() {
	other := func(text string) string {
		last := "0"
		if strings.HasSuffix(text, last) {
			last = "1"
		}
		return text[:len(text)-1] + last
	}
	switch {
	case a.query != "":
		a.query = other(a.query)
	case len(a.body) > 0:
		a.body = []byte(other(string(a.body)))
	case a.path == "/":
		a.path = "/0"
	default:
		a.path = other(a.path)
	}
}

// token returns the request's session token, if any.
func (a arrival) token() string { return a.headers.Get("X-Amz-Security-Token") }

// selected returns the headers that a SignedHeaders list names.
func (a arrival) selected(names []string) []signing.Header {
	var headers []signing.Header
	for _, name := range names {
		if name == "host" {
			headers = append(headers, signing.Header{Name: name, Value: a.host})
			continue
		}
		for _, value := range a.headers.Values(name) {
			headers = append(headers, signing.Header{Name: name, Value: value})
		}
	}
	return headers
}

// claim is what a request says about its own signature.
type claim struct {
	algorithm     string
	credential    string // as sent
	signedHeaders string // as sent
	signature     string
	time          time.Time
}

// claim reads the Authorization header and the time. Its messages and their order are AWS's; AWS used to repeat the
// header in some of them, and now gives a hash of it.
func (a arrival) claim() (claim, *refusal) {
	authorization := strings.Join(a.headers.Values("Authorization"), ",")
	if authorization == "" {
		return claim{}, &refusal{kind: missing, message: "Missing Authentication Token"}
	}
	sum := sha256.Sum256([]byte(authorization))
	hash := base64.StdEncoding.EncodeToString(sum[:])
	algorithm, rest, _ := strings.Cut(authorization, " ")
	c := claim{algorithm: algorithm}
	for piece := range strings.SplitSeq(rest, ",") {
		if piece = strings.TrimSpace(piece); piece == "" {
			continue
		}
		name, value, ok := strings.Cut(piece, "=")
		if !ok {
			return claim{}, &refusal{kind: incomplete, message: fmt.Sprintf(
				"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '%s'.", hash)}
		}
		switch name {
		case "Credential":
			c.credential = value
		case "SignedHeaders":
			c.signedHeaders = value
		case "Signature":
			c.signature = value
		}
	}
	sent := a.sentTime()
	if lacks := c.lacks(sent); lacks != "" {
		return claim{}, &refusal{kind: incomplete, message: lacks + "(Hashed with SHA-256 and encoded with Base64) Authorization=" + hash}
	}
	var err error
	if c.time, err = time.Parse(signing.TimeFormat, sent); err != nil {
		return claim{}, &refusal{kind: incomplete, message: fmt.Sprintf(
			"Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", sent)}
	}
	return c, nil
}

func (c claim) lacks(sentTime string) string {
	var text string
	for _, p := range []struct{ name, value string }{
		{"Credential", c.credential}, {"Signature", c.signature}, {"SignedHeaders", c.signedHeaders},
	} {
		if p.value == "" {
			text += fmt.Sprintf("Authorization header requires '%s' parameter. ", p.name)
		}
	}
	if sentTime == "" {
		text += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
	}
	return text
}

// sentTime returns the time of the signature in the format of X-Amz-Date, which takes precedence over Date ("Elements
// of an AWS API request signature", IAM User Guide).
func (a arrival) sentTime() string {
	if dates := a.headers.Values("X-Amz-Date"); len(dates) > 0 {
		return strings.Join(dates, ",")
	}
	date := a.headers.Get("Date")
	if t, err := http.ParseTime(date); err == nil {
		return t.UTC().Format(signing.TimeFormat)
	}
	return date
}
