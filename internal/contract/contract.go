// Package contract is what tests do with openapi.yaml: they check it, make the forms that the program embeds, and hold a handler to it.
//
// The program must not import it. It brings kin-openapi, and with that a JSON Schema compiler, which every start would wait for.
package contract

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/getkin/kin-openapi/openapi3"
)

// place stands before what is filled in when the description is served; it stands in no description.
const place = "\x00"

// Forms are the contract as package api embeds it: OpenAPI 3 as JSON, and Swagger 2.0 with places for host, scheme and base path.
func Forms(contractYAML []byte) (openapi, swagger []byte, err error) {
	doc, err := load(contractYAML)
	if err != nil {
		return nil, nil, err
	}
	if openapi, err = json.Marshal(doc); err != nil {
		return nil, nil, err
	}
	copied, err := openapi3.NewLoader().LoadFromData(openapi) // since the converter writes into what it converts
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
