package broker

import (
	"countersign/problem"
	"countersign/signing"
)

// warningParts are the parts of a request that warnings are about, for codes that determine it.
var warningParts = map[string]string{
	"body_fragile": "body", "body_not_decoded": "body", "body_garbled": "body", "body_null": "body", "content_type_differs": "body",
	"payload_unsigned": "payload", "operation_unsigned": "url", "host_not_signed": "url", "session_differs": "url",
	"service_differs": "service", "region_differs": "region", "service_guessed": "url", "path_normalized": "url", "plus_in_key": "url",
	"plus_is_space": "url", "url_trimmed": "url", "invisible_character": "url", "encoded_twice": "url",
	"expiry_shortened": "expiresInSeconds", "method_uppercased": "method", "service_lowercased": "service",
	"region_respelled": "region", "region_is_zone": "region",
}

func (op *operation) warn(code, message string) {
	op.warnOf(problem.Field{Part: warningParts[code]}, code, message)
}

// warnOf is warn for a code that does not determine the part.
func (op *operation) warnOf(part problem.Field, code, message string) {
	op.warnings = append(op.warnings, signing.Warning{Code: code, Message: message})
	op.warned = append(op.warned, part)
}

// headerPart returns the problem field for a header.
func headerPart(name string) problem.Field { return problem.Field{Part: "header", Name: name} }
