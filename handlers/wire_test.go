package handlers_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/access"
)

// wire is a signed request as it is sent, with a second implementation of what AWS does with one: it shares no code
// with package signing (IAM User Guide, "Create a signed AWS API request").
type wire struct {
	service, method, host, path, query string
	headers                            [][2]string
	body                               []byte
	payload                            access.Payload
}

func asWire(t testing.TB, a signResponse, document map[string]any) wire {
	t.Helper()
	u, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := wire{service: a.Service, method: a.Method, host: u.Host, path: u.EscapedPath(), query: u.RawQuery, payload: access.PayloadSigned}
	for _, h := range a.HeaderList {
		w.headers = append(w.headers, [2]string{h.Name, h.Value})
	}
	if a.Body != nil {
		w.body = []byte(*a.Body)
	}
	if document["payload"] == "unsigned" {
		w.payload = access.PayloadUnsigned
	}
	return w
}

func (w wire) url() string {
	text := "https://" + w.host + w.path
	if w.query != "" {
		text += "?" + w.query
	}
	return text
}

func (w wire) values(name string) (values []string) {
	for _, h := range w.headers {
		if strings.EqualFold(h[0], name) {
			values = append(values, strings.Join(strings.FieldsFunc(h[1], func(r rune) bool { return r == ' ' || r == '\t' }), " "))
		}
	}
	return values
}

// visible are the headers that a policy could read: all that are sent, except those that signing sets and two
// unsigned kinds: empty ones, which say nothing, and Content-Type, which can make a request malformed for its service
// but not another operation, since whatever names the operation is signed.
func (w wire) visible() (fields []access.Field) {
	_, signedHeaders, _ := w.claim()
	for _, h := range w.headers {
		name := strings.ToLower(h[0])
		switch name {
		case "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "host":
		default:
			signed := slices.Contains(strings.Split(signedHeaders, ";"), name)
			if !signed && (name == "content-type" || strings.Join(w.values(name), ",") == "") {
				continue
			}
			fields = append(fields, access.Field{Name: h[0], Value: h[1]})
		}
	}
	return fields
}

func (w wire) claim() (scope, signedHeaders, signature string) {
	authorization := strings.Join(w.values("authorization"), ",")
	part := func(name string) string {
		_, rest, _ := strings.Cut(authorization, name+"=")
		value, _, _ := strings.Cut(rest, ",")
		return value
	}
	_, scope, _ = strings.Cut(part("Credential"), "/")
	return scope, part("SignedHeaders"), part("Signature")
}

// verify says why AWS would refuse the request, or "".
func (w wire) verify() string {
	scope, signedHeaders, signature := w.claim()
	names := strings.Split(signedHeaders, ";")
	for _, h := range w.headers {
		if name := strings.ToLower(h[0]); strings.HasPrefix(name, "x-amz-") && !slices.Contains(names, name) {
			return "the header " + name + " is not signed"
		}
	}
	sum := sha256.Sum256(w.body)
	hash := hex.EncodeToString(sum[:])
	if sent := w.values("x-amz-content-sha256"); len(sent) > 0 {
		if sent[0] != "UNSIGNED-PAYLOAD" && sent[0] != hash {
			return "the body is not that of the hash"
		}
		hash = sent[0]
	}
	lines := []string{w.method, w.canonicalPath(), w.canonicalQuery()}
	for _, name := range names {
		values := w.values(name)
		if name == "host" {
			values = []string{w.host}
		}
		lines = append(lines, name+":"+strings.Join(values, ","))
	}
	canonical := strings.Join(append(lines, "", signedHeaders, hash), "\n")
	key := []byte("AWS4" + secretKey)
	for _, piece := range strings.Split(scope, "/") {
		key = mac(key, piece)
	}
	digest := sha256.Sum256([]byte(canonical))
	text := "AWS4-HMAC-SHA256\n" + strings.Join(w.values("x-amz-date"), ",") + "\n" + scope + "\n" + hex.EncodeToString(digest[:])
	if hex.EncodeToString(mac(key, text)) != signature {
		return "the signature is another:\n" + canonical
	}
	return ""
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func uriEncode(text string, keep string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~"+keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func (w wire) canonicalPath() string {
	if w.service == "s3" {
		key, err := url.PathUnescape(w.path)
		if err != nil {
			return "(not an escape)"
		}
		return uriEncode(key, "/")
	}
	var kept []string
	segments := strings.Split(w.path, "/")
	for _, segment := range segments {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, uriEncode(segment, ""))
		}
	}
	path := "/" + strings.Join(kept, "/")
	if last := segments[len(segments)-1]; path != "/" && (last == "" || last == "." || last == "..") {
		path += "/"
	}
	return path
}

func (w wire) canonicalQuery() string {
	var list []string
	for _, piece := range strings.Split(w.query, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		n, err1 := url.PathUnescape(name)
		v, err2 := url.PathUnescape(value)
		if err1 != nil || err2 != nil {
			return "(not an escape)"
		}
		list = append(list, uriEncode(n, "")+"="+uriEncode(v, ""))
	}
	slices.Sort(list)
	return strings.Join(list, "&")
}

// change sends the request differently: some changes keep the signature valid, others must break it.
func (w wire) change(r *rand.Rand) (wire, string) {
	w.headers, w.body = slices.Clone(w.headers), slices.Clone(w.body)
	_, signedHeaders, _ := w.claim()
	names := strings.Split(signedHeaders, ";")
	at := r.IntN(len(w.headers))
	h := &w.headers[at]
	signed := slices.Contains(names, strings.ToLower(h[0]))
	state := map[bool]string{true: "a signed header", false: "an unsigned header"}[signed]
	switch r.IntN(14) {
	case 0:
		h[0] = oneOf(r, strings.ToUpper(h[0]), strings.ToLower(h[0]))
		return w, "case of the name of " + state
	case 1:
		h[1] = oneOf(r, " ", "\t ", "") + strings.ReplaceAll(h[1], " ", oneOf(r, "  ", "\t", " \t ")) + oneOf(r, "", "  ")
		return w, "white space in " + state
	case 2:
		h[1] = oneOf(r, "acme", "victim", "*", "a b")
		return w, "value of " + state
	case 3:
		w.headers = slices.Delete(w.headers, at, at+1)
		return w, "without " + state
	case 4:
		add := [2]string{
			oneOf(
				r, "X-Tenant", "If-None-Match", "Content-Type", "X-Debug", "X-Amzn-Guard", "Accept", "X-Other", "x-amz-acl",
				"x-amz-meta-a", "User-Agent", "X-HTTP-Method-Override",
			),
			oneOf(r, "acme", "victim", "*", "DELETE"),
		}
		if len(w.values(add[0])) > 0 && !slices.Contains(names, strings.ToLower(add[0])) {
			return w, "nothing" // a duplicate with an unsigned name
		}
		w.headers = append(w.headers, add)
		return w, "one more header"
	case 5:
		if first, rest, ok := strings.Cut(h[1], ","); ok && !strings.EqualFold(h[0], "authorization") {
			h[1] = first
			w.headers = slices.Insert(w.headers, at+1, [2]string{h[0], rest})
			return w, "two headers for the comma of " + state
		}
		return w, "nothing"
	case 6:
		r.Shuffle(len(w.headers), func(i, j int) { w.headers[i], w.headers[j] = w.headers[j], w.headers[i] })
		return w, "order of headers"
	case 7:
		pieces := strings.Split(w.query, "&")
		r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		w.query = strings.Join(pieces, "&")
		return w, "order of parameters"
	case 8:
		w.query = respellOne(r, w.query, "abcprefixlist12")
		return w, "spelling of the query"
	case 9:
		w.query = oneOf(
			r, w.query+"&", "&"+w.query, strings.Replace(w.query, "&", "&&", 1), w.query+oneOf(r, "&acl", "&a=1"),
			strings.Replace(w.query, "=&", "&", 1),
		)
		return w, "pieces of the query"
	case 10:
		w.path = respellOne(r, w.path, "abcdefprod")
		return w, "spelling of the path"
	case 11:
		w.path = strings.Replace(w.path, "/", oneOf(r, "//", "/./", "/x/../", "/%2e/"), 1) + oneOf(r, "", "/", "/.")
		return w, "segments of the path"
	case 12:
		w.body = append(w.body, " other"...)
		return w, "another body"
	}
	w.method = oneOf(r, "GET", "PUT", "POST", "DELETE")
	return w, "method"
}

// respellOne writes one letter as its escape.
func respellOne(r *rand.Rand, text, letters string) string {
	at := r.IntN(len(text) + 1)
	if i := strings.IndexAny(text[at:], letters); i >= 0 && !strings.HasSuffix(text[:at+i], "%") && (at+i < 2 || text[at+i-2] != '%') {
		return text[:at+i] + fmt.Sprintf("%%%02X", text[at+i]) + text[at+i+1:]
	}
	return text
}
