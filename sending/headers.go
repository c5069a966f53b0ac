package sending

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"countersign/signing"
)

// perConnection are headers that concern one connection, and Expect, which
// [Request.Expect] asks for (RFC 9110, sections 7.6.1 and 10.1.1).
var perConnection = set("Connection", "Expect", "Http2-Settings", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade")

// notForwarded are headers that do not leave: credentials for us, what proxies
// say of the client, and what signing sets.
var notForwarded = set("Authorization", "Cookie2", "Host", "Content-Length",
	"X-Api-Key", "X-Functions-Key",
	"Forwarded", "Via", "X-Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Client-Ip", "True-Client-Ip",
	"Cf-Connecting-Ip", "Fastly-Client-Ip",
	"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Region-Set")

var notForwardedPrefixes = []string{"Proxy-", "X-Forwarded-", "X-Original-", "X-Arr-", "X-Ms-", "X-Azure-"}

// Headers says which headers of a client go out and which of the service come
// back.
type Headers struct {
	// Cookies lets Cookie out and Set-Cookie back.
	Cookies bool
	// AuthorizationAs is the name by which the client's Authorization leaves, in place of a header of that name; AWS's own is
	// the signature. Signatures for AWS never leave. Empty: Authorization does not leave.
	AuthorizationAs string
	// Drop names more headers of the client that must not leave, such as those in
	// which it may bring credentials.
	Drop []string
	// Plain says that we speak http with the client, so that
	// Strict-Transport-Security would bind it to what we do not offer.
	Plain bool
}

// Out returns the headers of a client that go out, sorted by name: all but those of
// the connection, those that Connection names, those that tell of the client or
// are credentials for us, and those that signing sets. What is absent is unsigned:
// the headers of the connection and Expect are for [Request] to say.
func (h Headers) Out(client http.Header) []signing.Header {
	named := namedByConnection(client)
	dropped := map[string]bool{}
	for _, name := range h.Drop {
		dropped[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	var out []signing.Header
	if own := h.authorization(client); len(own) > 0 && !named["Authorization"] {
		dropped[textproto.CanonicalMIMEHeaderKey(h.AuthorizationAs)] = true
		out = own
	}
	for name, values := range client {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if named[name] || dropped[name] || !h.leaves(name) {
			continue
		}
		if name == "Cookie" { // which HTTP/2 divides
			values = []string{strings.Join(values, "; ")}
		}
		for _, value := range values {
			out = append(out, signing.Header{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(out, func(a, b signing.Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// authorization is the client's, by the name by which it leaves.
func (h Headers) authorization(client http.Header) (out []signing.Header) {
	if h.AuthorizationAs == "" {
		return nil
	}
	for _, value := range client["Authorization"] {
		if !strings.HasPrefix(value, "AWS4-") {
			out = append(out, signing.Header{Name: h.AuthorizationAs, Value: value})
		}
	}
	return out
}

func (h Headers) leaves(name string) bool {
	if perConnection[name] || notForwarded[name] || name == "Cookie" && !h.Cookies {
		return false
	}
	return !slices.ContainsFunc(notForwardedPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// Back takes out of a response's headers what must not reach the client: those of
// the connection, Alt-Svc, which would lead it around us, and what h says. A
// response that changes the protocol keeps Connection and Upgrade.
func (h Headers) Back(response http.Header, status int) {
	named := namedByConnection(response)
	for name := range response {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case status == http.StatusSwitchingProtocols && (canonical == "Connection" || canonical == "Upgrade"):
		case named[canonical], perConnection[canonical], strings.HasPrefix(canonical, "Proxy-"),
			canonical == "Alt-Svc",
			canonical == "Strict-Transport-Security" && h.Plain,
			(canonical == "Set-Cookie" || canonical == "Set-Cookie2") && !h.Cookies:
			delete(response, name)
		}
	}
}

// Signed returns which of the headers to sign, for
// [signing.Request.SignedHeaders]: beside host and x-amz-*, which always are,
// those that say what the payload is. Others may be changed on the way.
func Signed(headers []signing.Header) []string {
	var names []string
	for _, h := range headers {
		for _, name := range [...]string{"content-type", "content-md5"} {
			if strings.EqualFold(h.Name, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// namedByConnection are the headers that concern one connection since it says so.
func namedByConnection(h http.Header) map[string]bool {
	var named map[string]bool
	for _, value := range h["Connection"] {
		if named == nil {
			named = map[string]bool{}
		}
		for name := range strings.SplitSeq(value, ",") {
			named[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return named
}

func lower(name string) string { return strings.ToLower(name) }
