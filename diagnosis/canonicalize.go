package diagnosis

import (
	"net/url"
	"slices"
	"strings"

	"countersign/endpoints"
	"countersign/signing"
)

// manner is how a service writes a canonical request.
type manner struct {
	single    bool // the S3 family: the path is encoded once and not normalized
	known     bool // the service is one that the tables hold
	appended  bool // the session token of a presigned URL is not signed
	believed  bool // the service signs what x-amz-content-sha256 says: S3
	unsigned  bool // it takes UNSIGNED-PAYLOAD there
	presigned bool
}

// mannerOf is that of the service that the request went to.
func (c *collector) mannerOf() manner {
	quirks, known := endpoints.Quirks{}, false
	if place, ok := c.inferred(); ok {
		quirks, known = place.Quirks, !place.Guessed
	} else if s := c.claim.service(); s != "" {
		quirks, known = endpoints.QuirksOf(s), endpoints.IsService(s)
	}
	return manner{
		single: quirks.S3Style, known: known, appended: quirks.TokenAppended, presigned: c.claim.presigned, believed: quirks.S3Style,
		unsigned: quirks.S3Style || quirks.UnsignedPayloadAllowed || quirks.UnsignedPayloadPartly || quirks.UnsignedPayloadOnly,
	}
}

// canonicalOf is the canonical request of a message with the signed headers of the
// claim, as the service would write it. What the message lacks is empty.
func (c *collector) canonicalOf(m *message, how manner, payload string) canonical {
	out := canonical{
		method: m.method, path: canonicalPath(m.path, how), query: canonicalQuery(signedQuery(m.query, how)),
		signedHeaders: c.claim.signedHeaders, payload: payload, whole: true,
	}
	for _, name := range slices.Sorted(slices.Values(c.claim.names())) {
		out.headers = append(out.headers, signing.Header{Name: name, Value: c.headerLine(m, name)})
	}
	return out
}

// headerLine is the value of a header as it is signed. One that the client writes
// by itself and the message does not show is taken as it arrived.
func (c *collector) headerLine(m *message, name string) string {
	if setByClient(name) && !m.has(name) {
		if value, ok := c.arrived.value(name); ok && value != "" {
			return value
		}
		if name == "content-length" && m.known && m.exact && len(m.body) > 0 {
			return itoa(len(m.body))
		}
	}
	return fold(m.signedValue(name))
}

// signedValue is the value of a header as it is signed; host comes from the URL.
func (m *message) signedValue(name string) string {
	if name == "host" && !m.has("host") || name == ":authority" {
		return m.host
	}
	return m.header(name)
}

// fold trims a value and folds runs of spaces in it.
func fold(value string) string { return strings.Join(strings.Fields(value), " ") }

// canonicalPath writes a path of the wire as a service does.
func canonicalPath(path string, how manner) string {
	path = wirePath(path)
	if !how.single {
		path = normalPath(path)
	}
	return signing.CanonicalURI(path, how.single)
}

// wirePath encodes what cannot stand in a request line, as clients do.
func wirePath(path string) string {
	if !strings.ContainsFunc(path, notOnWire) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if notOnWire(rune(path[i])) {
			b.WriteString(url.PathEscape(path[i : i+1]))
		} else {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}

func notOnWire(r rune) bool { return r <= ' ' || r >= 0x7F || strings.ContainsRune(`"<>\^{|}`+"`", r) }

// normalPath removes dot segments and empty ones.
func normalPath(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for _, s := range segments {
		switch s {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, s)
		}
	}
	last := segments[len(segments)-1]
	clean := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && (last == "" || last == "." || last == "..") {
		clean += "/"
	}
	return clean
}

// signedQuery is a query without what signing adds after the signature.
func signedQuery(query string, how manner) string {
	if !how.presigned {
		return query
	}
	var kept []string
	for piece := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(piece, "=")
		switch name = strings.ToLower(unescape(name)); {
		case name == "x-amz-signature":
		case name == "x-amz-security-token" && how.appended:
		default:
			kept = append(kept, piece)
		}
	}
	return strings.Join(kept, "&")
}

// canonicalQuery is signing's, and for a query that it refuses the nearest thing.
func canonicalQuery(query string) string {
	if text, err := signing.CanonicalQuery(strings.ReplaceAll(query, ";", "%3B")); err == nil {
		return text
	}
	var pieces []string
	for _, p := range queryPairs(query) {
		pieces = append(pieces, escape(p.Name)+"="+escape(p.Value))
	}
	slices.Sort(pieces)
	return strings.Join(pieces, "&")
}

// escape encodes all but unreserved characters.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if ch := s[i]; unreserved(ch) {
			b.WriteByte(ch)
		} else {
			b.Write([]byte{'%', hex[ch>>4], hex[ch&15]})
		}
	}
	return b.String()
}

func unreserved(ch byte) bool {
	return ch >= 'A' && ch <= 'Z' || ch >= 'a' && ch <= 'z' || ch >= '0' && ch <= '9' || strings.IndexByte("-_.~", ch) >= 0
}

// payloadOf is the line of the payload as the service writes it for a message,
// empty where neither body nor hash is known.
func (c *collector) payloadOf(m *message, how manner) string {
	claimed := readClaimedHash(m)
	switch {
	case how.believed && claimed != "":
		return claimed
	case how.believed && how.presigned:
		return signing.UnsignedPayload
	case claimed == signing.UnsignedPayload && (how.unsigned || c.arrived.payload == claimed), strings.HasPrefix(claimed, "STREAMING-"):
		return claimed
	case m.known && m.exact:
		return signing.PayloadHash(m.body)
	case c.arrived.whole:
		return c.arrived.payload
	case claimed != "":
		return claimed
	case m.known:
		return signing.PayloadHash(m.body)
	}
	return ""
}

func readClaimedHash(m *message) string {
	if v := m.header("x-amz-content-sha256"); v != "" {
		return v
	}
	for _, p := range queryPairs(m.query) {
		if strings.EqualFold(p.Name, "x-amz-content-sha256") {
			return p.Value
		}
	}
	return ""
}

// bodyless says whether requests of a method have no body, as a rule.
func bodyless(method string) bool {
	return method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS"
}
