package broker

import (
	"net/netip"
	"strconv"
	"strings"

	"countersign/access"
	"countersign/problem"
	"countersign/signing"
)

// The limits of a request to sign: more than any AWS service accepts, and little enough for logs and records. Package
// access defines those for parameters and headers.
const (
	maxURL         = 64 << 10
	maxParameters  = access.MaxQueryParameters
	maxHeaders     = access.MaxHeaders
	maxHeaderBytes = 64 << 10 // names and values
	maxName        = 256      // of method, profile, service and region
	maxKey         = 1024     // of an object (Amazon S3 User Guide, "Naming Amazon S3 objects")
)

// AllHeaders is the part of a [problem.Field] that means all headers together.
const AllHeaders = "allHeaders"

// bounds are the limits of a request.
type bounds struct{ url, parameters, headers, headerBytes int }

// unsignedBounds apply to a request to sign. signedBounds also allow for what signing adds, including a long session
// token.
var (
	unsignedBounds = bounds{maxURL, maxParameters, maxHeaders, maxHeaderBytes}
	signedBounds   = bounds{maxURL + 24<<10, maxParameters + 9, maxHeaders + 7, maxHeaderBytes + 16<<10}
)

// checkBounds comes before every step whose time or space grows with the size of the input.
func checkBounds(in *Input, _ *operation) error { return unsignedBounds.check(in) }

func (b *bounds) check(in *Input) error {
	for _, name := range []struct{ part, value string }{
		{"method", in.Method}, {"profile", in.Profile}, {"service", in.Service}, {"region", in.Region},
	} {
		if len(name.value) > maxName {
			return problem.InvalidPart(name.part, "", "The value is longer than "+strconv.Itoa(maxName)+" bytes.")
		}
	}
	size, parameters := len(in.URL), len(in.Query)
	if _, query, found := strings.Cut(in.URL, "?"); found {
		parameters += 1 + strings.Count(query, "&")
	}
	for _, q := range in.Query {
		size += len(q.Name) + len(q.Value)
	}
	if size > b.url || parameters > b.parameters {
		return &problem.Error{
			Code: "url_invalid", Detail: "The URL is too long.",
			Fields: []problem.Field{{
				Part: "url", Detail: "It is longer than 64 KiB or has more than " + strconv.Itoa(maxParameters) + " parameters.",
			}},
		}
	}
	size = 0
	for _, h := range in.Headers {
		size += len(h.Name) + len(h.Value)
	}
	if len(in.SignedHeaders) > b.headers {
		return problem.InvalidPart("signedHeaders", "", "There are more than "+strconv.Itoa(b.headers)+" names.")
	}
	if size > b.headerBytes || len(in.Headers) > b.headers {
		return &problem.Error{
			Code: "header_invalid", Detail: "There are too many headers.",
			Fields: []problem.Field{{
				Part: AllHeaders, Detail: "They are more than " + strconv.Itoa(maxHeaders) + ", or longer than 64 KiB together.",
			}},
		}
	}
	return nil
}

// isAddress reports whether a URL's host is an IP address. No AWS certificate or endpoint has one; the operator must
// list hosts that are reached by address.
func isAddress(u signing.URL) bool {
	host := u.Host()
	if strings.HasPrefix(host, "[") {
		return true
	}
	name, _, _ := strings.Cut(host, ":")
	if last := name[len(name)-1]; last < '0' || last > '9' { // avoids the cost of an error
		return false
	}
	_, err := netip.ParseAddr(name) // package signing refuses all other spellings
	return err == nil
}

// isASCII reports whether every client can send a header value: .NET refuses other characters or sends them as Latin-1.
func isASCII(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r > 0x7e })
}
