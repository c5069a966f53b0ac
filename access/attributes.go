package access

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/endpoints"
	"countersign/signing"
)

// attributes are what policies see of a [Request], computed once. An empty string means that the attribute cannot be
// determined for certain.
type attributes struct {
	profile, service, region string
	host                     string
	port                     int
	method, path             string
	wire                     string  // the path as sent
	query                    []Field // decoded, in wire order
	headers                  []Field // names in lower case
	operation                string
	unusual                  []string
	credentials              []string // the calls in credentials.tsv that this is or may be
}

// invalidRequest says why no policy can decide a request, and which field is at fault.
type invalidRequest struct{ field, reason string }

// A request with more fields than these is invalid: the sets that policies search would be built from strings of an
// untrusted client.
const (
	MaxQueryParameters = 1024
	MaxHeaders         = 128
)

// readAttributes reads the attributes of a question's request, or says why it is invalid.
func (p *Policy) readAttributes(q *Question) (attributes, invalidRequest) {
	r := &q.Request
	f := attributes{profile: r.Profile, service: r.Service}
	switch q.Action {
	case ActionSign, ActionPresign, ActionVerify, ActionPostPolicy, ActionSend:
	default:
		return f, invalidRequest{"", "the action is not known"}
	}
	switch r.Payload {
	case PayloadSigned, PayloadHash, PayloadUnsigned:
	default:
		return f, invalidRequest{"", "the request does not say whether the payload is signed"}
	}
	if !plainServiceName(r.Service) {
		return f, invalidRequest{"service", fmt.Sprintf("the service name %.64q is not an AWS signing name, "+
			"such as sqs or execute-api", r.Service)}
	}
	if oneRegion(r.Region) {
		f.region = r.Region
	}
	if !allBytes(r.Method, func(c byte) bool { return 'A' <= c && c <= 'Z' || c == '-' }) || r.Method == "" {
		return f, invalidRequest{"method", "the method is not written in capital letters"}
	}
	f.method = r.Method
	if reason := f.readTarget(r); reason != "" {
		return f, invalidRequest{"url", reason}
	}
	if reason := f.readQuery(r, q.Action); reason != "" {
		return f, invalidRequest{"url", reason}
	}
	if reason := f.readHeaders(r); reason != "" {
		return f, invalidRequest{"headers", reason}
	}
	if r.Service == "sqs" && otherQueue(r, &f) {
		f.path = ""
	}
	if isMCP(r, &f) {
		var reason string
		if f.operation, reason = mcpOperation(r, &f); reason != "" {
			return f, invalidRequest{"body", reason}
		}
	} else {
		f.operation = p.operation(q.Action, r, &f)
	}
	f.credentials = p.credentialCalls(r, &f)
	switch {
	case s3Family(r.Service):
		f.unusual = sensitiveS3Fields(q.Action, &f)
	case r.Service == "sts":
		f.unusual = bindingHeaders(&f)
	}
	return f, invalidRequest{}
}

func (f *attributes) readTarget(r *Request) string {
	switch r.Scheme {
	case "https":
		f.port = 443
	case "http":
		f.port = 80
	default:
		return "the scheme is neither https nor http"
	}
	host, port, hasPort := cutPort(r.Host)
	if !plainHost(host) {
		return "the host is not in its plain form"
	}
	f.host = host
	if hasPort {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
			return "the port is not a number from 1 to 65535"
		}
		f.port = n
	}
	if !strings.HasPrefix(r.Path, "/") || strings.ContainsAny(r.Path, "?#") {
		return "the path does not begin with a slash"
	}
	f.path, f.wire = decodePath(r.Path, s3Family(r.Service)), r.Path
	return ""
}

// plainHost reports whether s is a name of lower-case labels or an IPv6 address in brackets. Labels must not be empty:
// a trailing dot would make it a different name.
func plainHost(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		return closed && inner != "" && allBytes(inner, func(c byte) bool { return 'a' <= c && c <= 'f' || '0' <= c && c <= ':' || c == '.' })
	}
	return s != "" && len(s) <= 253 && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..") &&
		allBytes(s, func(c byte) bool { return lowerWord(c) || c == '.' || c == '_' })
}

// cutPort splits host:port. It keeps the brackets around an IPv6 address.
func cutPort(s string) (host, port string, found bool) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (f *attributes) readQuery(r *Request, a Action) string {
	if r.RawQuery == "" {
		return ""
	}
	pieces := 1 + strings.Count(r.RawQuery, "&")
	if pieces > MaxQueryParameters {
		return fmt.Sprintf("there are more than %d query parameters", MaxQueryParameters)
	}
	f.query = make([]Field, 0, pieces)
	for piece := range strings.SplitSeq(r.RawQuery, "&") {
		name, value, _ := strings.Cut(piece, "=")
		n, err1 := url.PathUnescape(name)
		v, err2 := url.PathUnescape(value)
		// Some receivers read a plus as a space, others as a plus.
		if err1 != nil || err2 != nil || piece == "" || strings.ContainsAny(piece, "+;#") {
			return "the query is not in its encoded form"
		}
		if !plainText(n) {
			return "the name of a query parameter has a control character or is not UTF-8"
		}
		if signatureParameter(n) && a != ActionVerify {
			return fmt.Sprintf("the query parameter %q belongs to an existing signature", n)
		}
		f.query = append(f.query, Field{n, v})
	}
	return ""
}

func (f *attributes) readHeaders(r *Request) string {
	if len(r.Headers) > MaxHeaders {
		return fmt.Sprintf("there are more than %d headers", MaxHeaders)
	}
	f.headers = make([]Field, 0, len(r.Headers))
	for _, h := range r.Headers {
		if h.Name == "" || !allBytes(h.Name, headerCharacter) || strings.ContainsAny(h.Value, "\r\n\x00") {
			return "a header's name or value has a character that headers must not have"
		}
		f.headers = append(f.headers, Field{strings.ToLower(h.Name), h.Value})
	}
	return ""
}

// header returns the values of a header, joined as they are signed. One header with two values must be equal to two
// headers.
func (f *attributes) header(name string) string {
	var values []string
	for _, h := range f.headers {
		if h.Name == name {
			values = append(values, h.Value)
		}
	}
	return strings.Join(values, ",")
}

// otherQueue reports whether an SQS request could be for a queue other than the one in its path: QueueUrl takes
// precedence over the path, and with X-Amz-Target only QueueUrl counts.
func otherQueue(r *Request, f *attributes) bool {
	names := func(name string) bool { return looksLike(name, "queueurl") }
	switch {
	case f.path == "/":
		return false
	case r.Payload != PayloadSigned, f.header("x-amz-target") != "",
		slices.ContainsFunc(f.query, func(q Field) bool { return names(q.Name) }):
		return true
	}
	return !eachPair(bytes.TrimSpace(r.Body), func(name, _ string, decoded bool) bool {
		return decoded && !strings.HasPrefix(name, "{") && !names(name)
	})
}

// plainText reports whether s is UTF-8 without control characters.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// headerCharacter reports whether c may be part of a header name: RFC 9110 section 5.6.2, token.
func headerCharacter(c byte) bool {
	return letterOrDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// signatureParameter reports whether a query parameter is one of those that authenticate a presigned URL. The payload
// hash is not: it authenticates nothing.
func signatureParameter(name string) bool {
	return signing.ReservedParameter(name) && !strings.EqualFold(name, "x-amz-content-sha256")
}

// bindingHeaders returns the headers by which a relying party can tell a login meant for it from one meant for another:
// all but the common ones.
func bindingHeaders(f *attributes) []string {
	var binding []string
	for _, h := range f.headers {
		switch h.Name {
		case "accept", "content-length", "content-type", "host", "user-agent", "x-amz-content-sha256",
			"x-amz-date", "x-amz-security-token", "x-amz-target", "x-amz-user-agent":
		default:
			binding = append(binding, "header."+h.Name)
		}
	}
	return binding
}

// plainServiceName reports whether s is a lower-case signing name, or one of the three that AWS writes with capitals.
// Any other spelling would bypass a policy that names the service.
func plainServiceName(s string) bool {
	switch s {
	case "IngestionService", "IoTSecuredTunneling", "ProductAdvertisingAPI":
		return true
	}
	return s != "" && len(s) <= 64 && allBytes(s, lowerWord)
}

// oneRegion reports whether s is a single region, not a set of regions.
func oneRegion(s string) bool {
	return s != "" && len(s) <= 64 && allBytes(s, lowerWord)
}

func lowerWord(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' }

func allBytes(s string, of func(byte) bool) bool {
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}

// s3Family reports whether a service's paths are object keys, which are taken as they are.
func s3Family(service string) bool { return endpoints.QuirksOf(service).S3Style }
