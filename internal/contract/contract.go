// Package contract handles openapi.yaml for tests: it checks the contract, makes the forms that the program embeds, and
// checks a handler against it.
//
// The program must not import it. It imports kin-openapi, and with that a JSON Schema compiler, which would delay every
// start.
package contract

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// place marks the values that are filled in when the description is served; it does not occur in any description.
const place = "\x00"

// Forms returns the contract as package api embeds it: OpenAPI 3 as JSON, and Swagger 2.0 with placeholders for host,
// scheme and base path.
func Forms(contractYAML []byte) (openapi, swagger []byte, err error) {
	doc, err := load(contractYAML)
	if err != nil {
		return nil, nil, err
	}
	if openapi, err = json.Marshal(doc); err != nil {
		return nil, nil, err
	}
	copied, err := openapi3.NewLoader().LoadFromData(openapi) // since the converter modifies its input
	if err != nil {
		return nil, nil, fmt.Errorf("reading the contract again: %w", err)
	}
	converted, err := toSwagger(copied, doc)
	if err != nil {
		return nil, nil, err
	}
	converted.Host, converted.Schemes, converted.BasePath = place+"host", []string{place + "scheme"}, place+"base"
	swagger, err = json.Marshal(converted)
	return openapi, swagger, err
}

func load(contractYAML []byte) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(contractYAML)
	if err != nil {
		return nil, fmt.Errorf("reading the contract: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("validating the contract: %w", err)
	}
	return doc, nil
}
