package diagnosis

import (
	"strings"

	"countersign/signing"
)

// CauseOf names the cause of a mismatch that verifying a request found; info is what the request says about its
// signature. The names are those by which [Diagnose] explains refusals. A wrong signature has causes that verifying
// does not look for: it is unclear until it is diagnosed.
func CauseOf(m *signing.Mismatch, info *signing.SignatureInfo) Cause {
	missing := m.Reason == "is missing"
	switch m.Part {
	case signing.PartRequest:
		return ofRequest(m)
	case signing.PartAuthorization:
		return ofAuthorization(m, info)
	case signing.PartAccessKey:
		if m.Reason == "names another access key" {
			return "unknown-key"
		}
	case signing.PartScope:
		return ofScope(m)
	case signing.PartDate:
		return ofDate(m, info.Presigned)
	case signing.PartSignedHeaders:
		return ofSignedHeaders(m)
	case signing.PartToken:
		switch {
		case missing:
			return "missing-token"
		case strings.Contains(m.Reason, "match the credentials"), strings.Contains(m.Reason, "have none"):
			return "token-not-for-key"
		}
		return "invalid-token"
	case signing.PartPayloadHash:
		switch {
		case missing:
			return "missing-payload-hash-header"
		case m.Reason == "is not the hash of the payload":
			return "changed-body"
		}
		return "signed-payload"
	}
	return "unclear"
}

func ofRequest(m *signing.Mismatch) Cause {
	switch {
	case m.Name == "host" && strings.HasPrefix(m.Reason, "differs"):
		return "changed-host"
	case m.Name != "":
		return "changed-header"
	}
	return "not-reached" // HTTP cannot transport it
}

func ofAuthorization(m *signing.Mismatch, info *signing.SignatureInfo) Cause {
	switch {
	case m.Reason == "is missing" && (m.Name == "" || m.Name == "authorization"):
		return "no-signature"
	case strings.HasPrefix(m.Reason, "is both"):
		return "two-signatures"
	case info.Algorithm == "" && m.Name != "authorization":
		return "not-sigv4"
	}
	return "malformed-authorization"
}

func ofScope(m *signing.Mismatch) Cause {
	switch {
	case m.Reason == "is for another service":
		return "wrong-service"
	case m.Reason == "is for another region":
		return "wrong-region"
	case strings.HasPrefix(m.Reason, "does not end"):
		return "wrong-terminator"
	case strings.HasPrefix(m.Reason, "has a different day"):
		return "wrong-scope-date"
	}
	return "malformed-credential"
}

func ofDate(m *signing.Mismatch, presigned bool) Cause {
	switch {
	case m.Reason == "has passed":
		return "presign-expired"
	case m.Name == "X-Amz-Expires":
		return "presign-lifetime"
	case m.Reason == "is still in the future" && presigned:
		return "presign-not-yet"
	case m.Reason == "is still in the future":
		return "clock-ahead"
	case m.Reason == "is too old":
		return "stale-signature"
	}
	return "missing-date"
}

func ofSignedHeaders(m *signing.Mismatch) Cause {
	switch {
	case m.Reason == "is signed but not present":
		return "dropped-header"
	case m.Name == "SignedHeaders":
		return "signed-headers"
	case m.Name == "host":
		return "host-not-signed"
	}
	return "unsigned-header"
}
