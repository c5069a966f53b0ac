package signing

import (
	"strings"
	"time"
)

// check rejects a request that cannot be signed. Headers are checked later, as they are read.
func (r *Request) check() error {
	switch {
	case r.Method == "" || !tokenChars.all(r.Method):
		return inputError(InputMethod, "must be an HTTP method, such as GET")
	case r.URL.text == "":
		return inputError(InputURL, "is missing")
	case r.Token != "" && r.Token != TokenSigned && r.Token != TokenAppended && r.Token != TokenOmitted:
		return inputError(InputTokenMode, "must be signed, appended or omitted")
	}
	switch reason := badPayloadHash(r.PayloadHash); {
	case r.Payload == nil && reason != "":
		return inputError(InputPayloadHash, reason)
	case r.Payload != nil && r.PayloadHash != "":
		return inputError(InputPayloadHash, "must be empty if the payload is given")
	}
	return checkSigner(r.Algorithm, r.Scope, r.Time, r.Credentials)
}

// checkSigner rejects arguments from which no signature can be computed.
func checkSigner(a Algorithm, s Scope, t time.Time, c Credentials) error {
	if t.IsZero() {
		return inputError(InputTime, "is missing")
	}
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return inputError(InputTime, "must have a year of four digits")
	}
	if err := s.check(a); err != nil {
		return err
	}
	return c.Check()
}

// check rejects values that would make a credential scope ambiguous.
func (s Scope) check(a Algorithm) error {
	if s.Service == "" || !unreserved.all(s.Service) {
		return inputError(InputService, "must be a signing name, such as execute-api")
	}
	switch a {
	case "", HMAC:
		if s.Region == "" || !unreserved.all(s.Region) {
			return inputError(InputRegion, "must be a region, such as eu-west-1")
		}
	case ECDSA:
		for region := range strings.SplitSeq(s.Region, ",") {
			if region == "" || !regionSetChars.all(region) {
				return inputError(InputRegion, "must be a region set, such as * or eu-west-1,eu-central-1")
			}
		}
	default:
		return inputError(InputAlgorithm, "must be "+string(HMAC)+" or "+string(ECDSA))
	}
	return nil
}
