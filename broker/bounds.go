package broker

import (
	"net/netip"
	"strconv"
	"strings"

	"countersign/access"
	"countersign/problem"
	"countersign/signing"
)

// What a request to sign may hold at most: more than any service of AWS takes, and little enough for logs and records. Of
// parameters and headers it is what package access looks at.
const (
	maxURL         = 64 << 10
	maxParameters  = access.MaxQueryParameters
	maxHeaders     = access.MaxHeaders
	maxHeaderBytes = 64 << 10 // names and values
	maxName        = 256      // of method, profile, service and region
	maxKey         = 1024     // of an object (Amazon S3 User Guide, "Naming Amazon S3 objects")
)

// AllHeaders is the part of a [problem.Field] for all headers together.
const AllHeaders = "allHeaders"

// bounds are the most that a request may hold.
type bounds struct{ url, parameters, headers, headerBytes int }

// unsignedBounds are those of a request to sign; signedBounds allow for what signing adds, a long session token with it.
var (
	unsignedBounds = bounds{maxURL, maxParameters, maxHeaders, maxHeaderBytes}
	signedBounds   = bounds{maxURL + 24<<10, maxParameters + 9, maxHeaders + 7, maxHeaderBytes + 16<<10}
)

// checkBounds comes before all that takes time or space with the size of what a caller sent.
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

// isAddress tells an IP address from a name. No certificate and no endpoint of AWS is for one; what is reached by one
// is the operator's own to list.
func isAddress(u signing.URL) bool {
	host := u.Host()
	if strings.HasPrefix(host, "[") {
		return true
	}
	name, _, _ := strings.Cut(host, ":")
	if last := name[len(name)-1]; last < '0' || last > '9' { // no error has to be made
		return false
	}
	_, err := netip.ParseAddr(name) // package signing refuses all other spellings
	return err == nil
}

// isASCII holds for what every client can send in a header: .NET's refuses the rest, or sends it as Latin-1.
func isASCII(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r > 0x7e })
}
