package signing

import (
	"strings"
	"time"
)

// check refuses what cannot be signed, but for the headers, which are checked
// as they are read.
func (r *Request) check() error {
	switch {
	case r.Method == "" || !tokenChars.all(r.Method):
		return inputError("method", "is not an HTTP method")
	case r.URL.text == "":
		return inputError("url", "is missing")
	case r.Token != "" && r.Token != TokenSigned && r.Token != TokenAppended && r.Token != TokenOmitted:
		return inputError("sessionToken", "is none of signed, appended and omitted")
	}
	switch reason := badPayloadHash(r.PayloadHash); {
	case r.Payload == nil && reason != "":
		return inputError("payloadSha256", reason)
	case r.Payload != nil && r.PayloadHash != "":
		return inputError("payloadSha256", "is given beside the payload")
	}
	return checkSigner(r.Algorithm, r.Scope, r.Time, r.Credentials)
}

// checkSigner refuses what no signature can be made of.
func checkSigner(a Algorithm, s Scope, t time.Time, c Credentials) error {
	if t.IsZero() {
		return inputError("signingTime", "is missing")
	}
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return inputError("signingTime", "is not within the years of four digits")
	}
	if err := s.check(a); err != nil {
		return err
	}
	return c.Check()
}

// check refuses what would make a credential scope ambiguous.
func (s Scope) check(a Algorithm) error {
	if s.Service == "" || !unreserved.all(s.Service) {
		return inputError("service", "is not a signing name, such as execute-api")
	}
	switch a {
	case "", HMAC:
		if s.Region == "" || !unreserved.all(s.Region) {
			return inputError("region", "is not a region, such as eu-west-1")
		}
	case ECDSA:
		for region := range strings.SplitSeq(s.Region, ",") {
			if region == "" || !regionSetChars.all(region) {
				return inputError("region", "is not a region set, such as * or eu-west-1,eu-central-1")
			}
		}
	default:
		return inputError("algorithm", "is neither "+string(HMAC)+" nor "+string(ECDSA))
	}
	return nil
}
