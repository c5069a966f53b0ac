package sandbox

// kind is a kind of refusal; each server has its own code for it.
type kind int

const (
	missing      kind = iota // no signature at all
	incomplete               // a signature that cannot be parsed
	mismatch                 // a signature that is wrong in any way
	unrecognised             // an unknown key, or a token that does not belong to it
	expired                  // an expired session
	notSigned                // an x-amz- header that is not signed
	wrongHash                // an x-amz-content-sha256 that does not match the body
	noHash                   // no x-amz-content-sha256 although it is required
	malformed                // not a request that can be signed
	tooLong                  // a body above the limit
	forbidden                // a known caller without permission
	invalid                  // a parameter outside its limits
	unknownAction
	noAction
	badPolicy
	badToken  // a web identity token of no known provider
	tokenOver // an expired web identity token
)

// refusal is why a request is not served, in AWS's words.
type refusal struct {
	kind      kind
	message   string
	canonical string // for mismatch: what the sandbox calculated
	headers   string // for notSigned: the headers' names
}

// code is a refusal's name and status at one of the servers.
type code struct {
	name   string
	status int
}

// codes returns the code of a refusal for each server: for STS from "Common Errors" of the AWS Security Token Service
// API Reference, whose Query protocol has no InvalidSignatureException; for the gateway as API Gateway or, if that
// has no such refusal, as S3. A refusal that a server never makes has no code there.
func (k kind) codes() (sts, gateway code) {
	switch k {
	case missing:
		return code{"MissingAuthenticationToken", 403}, code{"MissingAuthenticationTokenException", 403}
	case incomplete:
		return code{"IncompleteSignature", 400}, code{"IncompleteSignatureException", 403}
	case mismatch:
		return code{"SignatureDoesNotMatch", 403}, code{"InvalidSignatureException", 403}
	case unrecognised:
		return code{"InvalidClientTokenId", 403}, code{"UnrecognizedClientException", 403}
	case expired:
		return code{"ExpiredToken", 403}, code{"ExpiredTokenException", 403}
	case notSigned:
		return code{"AccessDenied", 403}, code{"AccessDenied", 403}
	case wrongHash:
		return code{"XAmzContentSHA256Mismatch", 400}, code{"XAmzContentSHA256Mismatch", 400}
	case noHash:
		return code{}, code{"InvalidRequest", 400}
	case malformed:
		return code{"MalformedQueryString", 404}, code{"BadRequestException", 400}
	case tooLong:
		return code{"RequestEntityTooLarge", 413}, code{"RequestEntityTooLargeException", 413}
	case forbidden:
		return code{"AccessDenied", 403}, code{}
	case invalid:
		return code{"ValidationError", 400}, code{}
	case unknownAction:
		return code{"InvalidAction", 400}, code{}
	case noAction:
		return code{"MissingAction", 400}, code{}
	case badPolicy:
		return code{"MalformedPolicyDocument", 400}, code{}
	case badToken:
		return code{"InvalidIdentityToken", 400}, code{}
	case tokenOver:
		return code{"ExpiredTokenException", 400}, code{}
	default:
		panic("sandbox: unknown kind of refusal")
	}
}
