package diagnosis

import (
	"net/url"
	"slices"
	"strings"

	"countersign/endpoints"
	"countersign/signing"
)

// canonicalStyle is how a service writes a canonical request.
type canonicalStyle struct {
	encodedOnce      bool // the S3 family: the path is encoded once and not normalized
	known            bool // the service is in the tables
	tokenAppended    bool // the session token of a presigned URL is not signed
	trustsHashHeader bool // S3: the service signs the value of x-amz-content-sha256
	unsignedOK       bool // that header may be UNSIGNED-PAYLOAD
	presigned        bool
}

// styleOf returns the style of the service that the request went to.
func (c *collector) styleOf() canonicalStyle {
	quirks, known := endpoints.Quirks{}, false
	if place, ok := c.inferred(); ok {
		quirks, known = place.Quirks, !place.Guessed
	} else if s := c.claim.service(); s != "" {
		quirks, known = endpoints.QuirksOf(s), endpoints.IsService(s)
	}
	return canonicalStyle{
		encodedOnce: quirks.S3Style, known: known, tokenAppended: quirks.TokenAppended, presigned: c.claim.presigned,
		trustsHashHeader: quirks.S3Style,
		unsignedOK:       quirks.S3Style || quirks.UnsignedPayloadAllowed || quirks.UnsignedPayloadPartly || quirks.UnsignedPayloadOnly,
	}
}

// canonicalOf builds the canonical request of a message with the claim's signed headers, as the service would write
// it. Headers that the message lacks are empty.
func (c *collector) canonicalOf(m *message, style canonicalStyle, payload string) canonical {
	out := canonical{
		method: m.method, path: canonicalPath(m.path, style), query: canonicalQuery(signedQuery(m.query, style)),
		signedHeaders: c.claim.signedHeaders, payload: payload, whole: true,
	}
	for _, name := range slices.Sorted(slices.Values(c.claim.names())) {
		out.headers = append(out.headers, signing.Header{Name: name, Value: c.headerLine(m, name)})
	}
	return out
}

// headerLine returns the value of a header as it is signed. If the client sets the header itself and the message does
// not show it, the value that arrived is used.
func (c *collector) headerLine(m *message, name string) string {
	if setByClient(name) && !m.has(name) {
		if value, ok := c.arrived.value(name); ok && value != "" {
			return value
		}
		if name == "content-length" && m.bodyKnown && m.bodyExact && len(m.body) > 0 {
			return itoa(len(m.body))
		}
	}
	return fold(m.signedValue(name))
}

// signedValue returns the value of a header as it is signed. Host comes from the URL.
func (m *message) signedValue(name string) string {
	if name == "host" && !m.has("host") || name == ":authority" {
		return m.host
	}
	return m.header(name)
}

// fold trims a value and collapses runs of spaces.
func fold(value string) string { return strings.Join(strings.Fields(value), " ") }

// canonicalPath writes the path of a request line as the service does.
func canonicalPath(path string, style canonicalStyle) string {
	path = wirePath(path)
	if !style.encodedOnce {
		path = normalPath(path)
	}
	return signing.CanonicalURI(path, style.encodedOnce)
}

// wirePath percent-encodes what a request line cannot hold, as clients do.
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

// normalPath removes dot segments and empty segments.
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

// signedQuery removes from a query what signing adds after the signature is computed.
func signedQuery(query string, style canonicalStyle) string {
	if !style.presigned {
		return query
	}
	var kept []string
	for piece := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(piece, "=")
		switch name = strings.ToLower(unescape(name)); {
		case name == "x-amz-signature":
		case name == "x-amz-security-token" && style.tokenAppended:
		default:
			kept = append(kept, piece)
		}
	}
	return strings.Join(kept, "&")
}

// canonicalQuery is signing's; for a query that signing refuses it returns the closest approximation.
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

// escape percent-encodes all but unreserved characters.
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

// payloadOf returns the payload line as the service writes it for a message. It is empty if neither body nor hash is
// known.
func (c *collector) payloadOf(m *message, style canonicalStyle) string {
	claimed := readClaimedHash(m)
	switch {
	case style.trustsHashHeader && claimed != "":
		return claimed
	case style.trustsHashHeader && style.presigned:
		return signing.UnsignedPayload
	case claimed == signing.UnsignedPayload && (style.unsignedOK || c.arrived.payload == claimed), strings.HasPrefix(claimed, "STREAMING-"):
		return claimed
	case m.bodyKnown && m.bodyExact:
		return signing.PayloadHash(m.body)
	case c.arrived.whole:
		return c.arrived.payload
	case claimed != "":
		return claimed
	case m.bodyKnown:
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

// bodyless reports whether requests with this method usually have no body.
func bodyless(method string) bool {
	return method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS"
}
