package signing

import "fmt"

// InputError reports what is wrong with a request. It is always the fault of
// whoever made the request, and holds no value of theirs but names.
type InputError struct {
	// Field is the part at fault in the caller's terms: "method", "url",
	// "query", "headers", "payloadSha256", "service", "region", "algorithm",
	// "signingTime", "credentials", "sessionToken", "signedHeaders",
	// "expiresInSeconds".
	Field string
	// Index is the place within a list, -1 where there is none.
	Index int
	// Name is the header or parameter at fault, empty where there is none.
	Name string
	// Reason completes "Field …".
	Reason string
}

// Error implements error.
func (e *InputError) Error() string {
	switch {
	case e.Name != "":
		return fmt.Sprintf("%s: %q %s", e.Field, e.Name, e.Reason)
	case e.Index >= 0:
		return fmt.Sprintf("%s[%d] %s", e.Field, e.Index, e.Reason)
	}
	return e.Field + " " + e.Reason
}

func inputError(field, reason string) *InputError {
	return &InputError{Field: field, Index: -1, Reason: reason}
}

// Warning tells the caller of a change that was made to what they gave.
type Warning struct {
	Code    string // such as "plus_is_space"
	Message string // a sentence
}
