package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	yaml "github.com/oasdiff/yaml3"
)

// The contract in its other forms, which "go test ./internal/contract -update" makes from openapi.yaml. Reading and
// converting it would take longer than the rest of the start.
var (
	//go:embed openapi.json
	OpenAPI []byte
	// Swagger has placeholders for host, scheme and base path: strings that begin with the character 0.
	//go:embed swagger.json
	Swagger []byte
)

// CheckContract compares openapi.yaml with its other forms: a program built from an edited file would serve two
// contracts.
func CheckContract(openapiYAML []byte) error {
	var document any
	if err := yaml.Unmarshal(openapiYAML, &document); err != nil {
		return fmt.Errorf("reading openapi.yaml: %w", err)
	}
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("reading openapi.yaml: %w", err)
	}
	if !bytes.Equal(text, OpenAPI) {
		return errors.New("the JSON forms of openapi.yaml in this program were not made from its openapi.yaml: " +
			"run go test ./internal/contract -update, and build it again")
	}
	return nil
}

func serveDocument(media string, text []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		openToAll(w.Header(), media)
		_, _ = w.Write(text) // the client may be gone
	})
}

// openToAll lets any origin read the document: designers fetch it from the workflow author's browser.
func openToAll(header http.Header, media string) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Content-Type", media)
}

// publicAddress returns the configured address, or the one that the client used. Only the Functions host is trusted
// to forward that; other proxies are not. For names the scheme is https, since proxies in front of the service serve
// it; IP addresses and localhost are a local machine.
func (s *server) publicAddress(r *http.Request) *url.URL {
	if u, err := url.Parse(s.PublicURL); err == nil && u.Host != "" {
		return u
	}
	u := &url.URL{Scheme: "https", Host: r.Host}
	if forwarded := r.Header.Get("X-Forwarded-Host"); s.BehindFunctions && forwarded != "" {
		u.Host = forwarded
	}
	if r.TLS == nil && ownName(u.Host, nil) {
		u.Scheme = "http"
	}
	return u
}
