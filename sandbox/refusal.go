package sandbox

import "net/http"

// kind tells refusals apart; each server has its own code for each.
type kind int

const (
	missing      kind = iota // no signature at all
	incomplete               // a signature that cannot be read
	mismatch                 // a signature that is not right, in any way
	unrecognised             // no such key, or a token that does not belong to it
	expired                  // a session past its end
	notSigned                // an x-amz- header that the signature leaves out
	wrongHash                // x-amz-content-sha256 that is not the body's
	noHash                   // x-amz-content-sha256 not given where it must be
	malformed                // no request that could be signed
	tooLong                  // a body past the limit
	forbidden                // a known caller who may not
	invalid                  // a parameter out of its limits
	unknownAction
	noAction
	badPolicy
)

// refusal is why a request is not served, in AWS's words.
type refusal struct {
	kind      kind
	message   string
	canonical string // of a mismatch: what the sandbox calculated
	headers   string // of notSigned: their names
}

// code is a refusal's name and status at one of the servers.
type code struct {
	name   string
	status int
}

// stsCode spells a refusal as STS does ("Common Errors" of the AWS Security Token
// Service API Reference; Query protocol services know no InvalidSignatureException).
func stsCode(k kind) code {
	switch k {
	case missing:
		return code{"MissingAuthenticationToken", http.StatusForbidden}
	case incomplete:
		return code{"IncompleteSignature", http.StatusBadRequest}
	case mismatch:
		return code{"SignatureDoesNotMatch", http.StatusForbidden}
	case unrecognised:
		return code{"InvalidClientTokenId", http.StatusForbidden}
	case expired:
		return code{"ExpiredToken", http.StatusForbidden}
	case notSigned, forbidden:
		return code{"AccessDenied", http.StatusForbidden}
	case wrongHash:
		return code{"XAmzContentSHA256Mismatch", http.StatusBadRequest}
	case malformed:
		return code{"MalformedQueryString", http.StatusNotFound}
	case tooLong:
		return code{"RequestEntityTooLarge", http.StatusRequestEntityTooLarge}
	case invalid:
		return code{"ValidationError", http.StatusBadRequest}
	case unknownAction:
		return code{"InvalidAction", http.StatusBadRequest}
	case noAction:
		return code{"MissingAction", http.StatusBadRequest}
	case badPolicy:
		return code{"MalformedPolicyDocument", http.StatusBadRequest}
	default:
		return code{"InternalFailure", http.StatusInternalServerError}
	}
}

// gatewayCode spells a refusal as API Gateway does. The last three it does not
// know; they are S3's and keep S3's names.
func gatewayCode(k kind) code {
	switch k {
	case missing:
		return code{"MissingAuthenticationTokenException", http.StatusForbidden}
	case incomplete:
		return code{"IncompleteSignatureException", http.StatusForbidden}
	case mismatch:
		return code{"InvalidSignatureException", http.StatusForbidden}
	case unrecognised:
		return code{"UnrecognizedClientException", http.StatusForbidden}
	case expired:
		return code{"ExpiredTokenException", http.StatusForbidden}
	case malformed:
		return code{"BadRequestException", http.StatusBadRequest}
	case tooLong:
		return code{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge}
	case notSigned:
		return code{"AccessDenied", http.StatusForbidden}
	case wrongHash:
		return code{"XAmzContentSHA256Mismatch", http.StatusBadRequest}
	case noHash:
		return code{"InvalidRequest", http.StatusBadRequest}
	default:
		return code{"InternalFailure", http.StatusInternalServerError}
	}
}
