package sandbox

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
	badToken  // a web identity token that is none of a provider's
	tokenOver // one that has ended
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

// codes spells a refusal as each server does: STS by "Common Errors" of the AWS
// Security Token Service API Reference, whose Query protocol knows no
// InvalidSignatureException; the gateway as API Gateway, and where API Gateway
// has no such refusal, as S3. What one of them never refuses has no code there.
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
		panic("sandbox: a refusal of no kind")
	}
}
