package sending

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"countersign/signing"
)

// perConnection are the hop-by-hop headers, and Expect, which [Request.Expect] sets
// (RFC 9110, sections 7.6.1 and 10.1.1).
var perConnection = set("Connection", "Expect", "Http2-Settings", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade")

// notForwarded are further headers that are not sent on: credentials for this
// service, what proxies say about the client, and what signing sets.
var notForwarded = set("Authorization", "Cookie2", "Host", "Content-Length",
	"X-Api-Key", "X-Functions-Key",
	"Forwarded", "Via", "X-Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Client-Ip", "True-Client-Ip",
	"Cf-Connecting-Ip", "Fastly-Client-Ip",
	"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Region-Set")

var notForwardedPrefixes = []string{"Proxy-", "X-Forwarded-", "X-Original-", "X-Arr-", "X-Ms-", "X-Azure-"}

// Headers decides which of the client's headers are sent to AWS, and which response
// headers reach the client.
type Headers struct {
	// Cookies allows Cookie in requests and Set-Cookie in responses.
	Cookies bool
	// AuthorizationAs is the name under which the client's Authorization is sent, because the signature takes that name.
	// It replaces a client header of the same name. AWS signatures are never sent on. If empty, Authorization is dropped.
	AuthorizationAs string
	// Drop names more client headers to drop, such as those that may carry the
	// client's credentials.
	Drop []string
	// Plain means that the client uses http. Strict-Transport-Security is dropped then,
	// since it would require https, which is not offered.
	Plain bool
}

// Out returns the client headers to send, sorted by name: all but hop-by-hop headers,
// those that Connection names, those that identify the client or carry credentials
// for this service, and those that signing sets. Use [Request] to ask for an upgrade,
// for Expect or for trailers.
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
		if named[name] || dropped[name] || !h.forwards(name) {
			continue
		}
		if name == "Cookie" { // HTTP/2 splits it
			values = []string{strings.Join(values, "; ")}
		}
		for _, value := range values {
			out = append(out, signing.Header{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(out, func(a, b signing.Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// authorization returns the client's Authorization under its new name.
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

func (h Headers) forwards(name string) bool {
	if perConnection[name] || notForwarded[name] || name == "Cookie" && !h.Cookies {
		return false
	}
	return !slices.ContainsFunc(notForwardedPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// Back removes the response headers that must not reach the client: hop-by-hop
// headers, Alt-Svc, which would make the client bypass this service, and those that h
// excludes. A 101 response keeps Connection and Upgrade.
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

// Signed returns the names of the headers to sign, for
// [signing.Request.SignedHeaders]: those that describe the payload. Host and x-amz-*
// are always signed. Others may be changed on the way, so they are not.
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

// namedByConnection returns the headers that Connection declares hop-by-hop.
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
