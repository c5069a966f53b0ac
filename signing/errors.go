package signing

import "fmt"

// InputPart is a part of a signing request, in the widest sense.
type InputPart uint8

// The parts of a [Request], including its [Scope] and [Credentials].
const (
	InputMethod InputPart = iota + 1
	InputURL
	InputQuery
	InputHeaders
	InputSignedHeaders
	InputPayloadHash
	InputService
	InputRegion
	InputAlgorithm
	InputTime
	InputCredentials
	InputTokenMode
	InputExpires
)

// The additional parts of a [PostPolicy] or a [Connect].
const (
	InputBucket InputPart = iota + 1 + InputExpires
	InputFields
	InputStartsWith
	InputMaxLength
	InputKind
	InputUser
	InputEndpoint
)

var inputParts = [...]string{
	InputMethod: "method", InputURL: "url", InputQuery: "query", InputHeaders: "headers", InputSignedHeaders: "signed headers",
	InputPayloadHash: "payload hash", InputService: "service", InputRegion: "region", InputAlgorithm: "algorithm", InputTime: "time",
	InputCredentials: "credentials", InputTokenMode: "token mode", InputExpires: "lifetime", InputBucket: "bucket", InputFields: "fields",
	InputStartsWith: "beginnings of fields", InputMaxLength: "length", InputKind: "kind", InputUser: "user", InputEndpoint: "endpoint",
}

// String returns the part's name as it is used in errors.
func (p InputPart) String() string {
	if p == 0 || int(p) >= len(inputParts) {
		return "input"
	}
	return inputParts[p]
}

// InputError reports what is wrong with a request. It is always the fault of whoever made the
// request, and contains no values of theirs, only names.
type InputError struct {
	// Part is the part at fault.
	Part InputPart
	// Index is the index within a list, -1 if there is none.
	Index int
	// Name is the header or parameter at fault, empty if there is none.
	Name string
	// Reason completes "Part …".
	Reason string
}

// Error implements error.
func (e *InputError) Error() string {
	switch {
	case e.Name != "":
		return fmt.Sprintf("%s: %q %s", e.Part, e.Name, e.Reason)
	case e.Index >= 0:
		return fmt.Sprintf("%s[%d] %s", e.Part, e.Index, e.Reason)
	}
	return e.Part.String() + " " + e.Reason
}

func inputError(part InputPart, reason string) *InputError {
	return &InputError{Part: part, Index: -1, Reason: reason}
}

// Warning tells the caller how their input was changed.
type Warning struct {
	Code    string // such as "plus_is_space"
	Message string // a sentence
}
