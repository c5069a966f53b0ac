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

// The contract in its other forms, which "go test ./internal/contract -update" makes from openapi.yaml. To read and convert it takes
// longer than all the rest of a start.
var (
	//go:embed openapi.json
	OpenAPI []byte
	// Swagger has places for host, scheme and base path: texts that begin with the character 0.
	//go:embed swagger.json
	Swagger []byte
)

// CheckContract compares openapi.yaml with its other forms: a program that was built of an edited one serves two contracts.
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
		return errors.New("the program was built with an openapi.yaml that its JSON forms were not made from: " +
			"run go test ./internal/contract -update, and build it again")
	}
	return nil
}

func serveDocument(media string, text []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		openToAll(w.Header(), media)
		_, _ = w.Write(text) // a client that is gone cannot be told anything more
	})
}

// openToAll: designers fetch the description from the maker's browser, so any origin may read it.
func openToAll(header http.Header, media string) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Content-Type", media)
}

// publicAddress is the configured address, or where the client came. What a proxy says of that is anybody's word, save
// the Functions host's. Names are served by https, as every proxy in front of the service does it; addresses and
// localhost are somebody's own machine.
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
