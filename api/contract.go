package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	_ "embed"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
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

// Contract is the OpenAPI description of the service as it was written; its other forms are embedded.
type Contract struct {
	yaml   []byte
	router func() (routers.Router, error) // for Enforce alone
}

// NewContract takes openapi.yaml as it was written. It is not read before [Contract.Check] or [Contract.Enforce].
func NewContract(yaml []byte) *Contract {
	return &Contract{yaml: yaml, router: sync.OnceValues(func() (routers.Router, error) { return routerOf(yaml) })}
}

// Check reads and validates the contract, its examples included.
func (c *Contract) Check() error {
	_, err := load(c.yaml)
	return err
}

func load(yaml []byte) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(yaml)
	if err != nil {
		return nil, fmt.Errorf("reading the contract: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("validating the contract: %w", err)
	}
	return doc, nil
}

func (c *Contract) serveYAML() http.Handler { return serveDocument("application/yaml", c.yaml) }

func (c *Contract) serveJSON() http.Handler { return serveDocument("application/json", OpenAPI) }

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
