package connector

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Frame is what every connector to Countersign has, whatever its actions are.
type Frame struct {
	Host      string
	IsDefault bool // no host was given
	// Contact, Metadata, Security and SecurityDefinitions are parts of the definition.
	Contact, Metadata, Security, SecurityDefinitions any
	// Files are apiProperties.json, settings.json and icon.png, by name. Connections use an API key.
	Files map[string][]byte
}

// NewFrame makes the frame from the contract as Swagger 2.0. For host, see [Options].
func NewFrame(swagger []byte, host string) (*Frame, error) {
	name, err := hostOf(host)
	if err != nil {
		return nil, err
	}
	doc, err := readObject("the contract as Swagger 2.0", swagger)
	if err != nil {
		return nil, err
	}
	f := &Frame{
		Host: name, IsDefault: host == "", Contact: objectAt(doc, "info")["contact"], Metadata: doc["x-ms-connector-metadata"],
		Security: doc["security"], SecurityDefinitions: doc["securityDefinitions"], Files: map[string][]byte{},
	}
	if f.Files["icon.png"], err = drawIcon(); err != nil {
		return nil, err
	}
	if f.Files["settings.json"], err = handWritten.ReadFile("files/settings.json"); err != nil {
		return nil, err
	}
	f.Files["apiProperties.json"], err = keyProperties()
	return f, err
}

// keyProperties returns the properties without the authentication methods that need the operator's own application.
func keyProperties() ([]byte, error) {
	text, err := handWritten.ReadFile("files/apiProperties.json")
	if err != nil {
		return nil, err
	}
	var properties struct {
		Schema     string         `json:"$schema"`
		Properties map[string]any `json:"properties"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&properties); err != nil {
		return nil, fmt.Errorf("files/apiProperties.json: %w", err)
	}
	delete(properties.Properties, "connectionParameterSets")
	return Indented(properties)
}
