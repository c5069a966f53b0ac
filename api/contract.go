package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"countersign/connector"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"
)

// Contract is the OpenAPI description of the service, in the three forms in which it is served.
type Contract struct {
	doc     *openapi3.T
	yaml    []byte
	json    []byte
	swagger func() (*openapi2.T, error) // converted when first asked for
}

// LoadContract reads and validates openapi.yaml, its examples included.
func LoadContract(yaml []byte) (*Contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(yaml)
	if err != nil {
		return nil, fmt.Errorf("reading the contract: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("validating the contract: %w", err)
	}
	text, err := json.Marshal(doc)
	for _, schema := range doc.Components.Schemas {
		for _, property := range schema.Value.Properties {
			// OpenAPI 3.0.3 lets a schema without a type take null; kin-openapi wants to be told, and others refuse to see it written.
			if property.Ref == "" && property.Value.Type == nil {
				property.Value.Nullable = true
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("writing the contract as JSON: %w", err)
	}
	c := &Contract{doc: doc, yaml: yaml, json: text}
	c.swagger = sync.OnceValues(func() (*openapi2.T, error) { return connector.Swagger(yaml) })
	return c, nil
}

func (c *Contract) serveYAML() http.Handler { return serveDocument("application/yaml", c.yaml) }
func (c *Contract) serveJSON() http.Handler { return serveDocument("application/json", c.json) }

func serveDocument(media string, document []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		openToAll(w.Header(), media)
		_, _ = w.Write(document) // a client that is gone cannot be told anything more
	})
}

// openToAll: designers fetch the description from the maker's browser, so any origin may read it.
func openToAll(header http.Header, media string) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Content-Type", media)
}

// serveSwagger fills in the host by which the caller came, which designers need to find the service again.
func (c *Contract) serveSwagger(publicURL string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doc, err := c.swagger()
		if err != nil {
			panic(err)
		}
		filled := *doc
		filled.Host, filled.Schemes = publicHost(publicURL, r)
		text, err := json.Marshal(&filled)
		if err != nil {
			panic(err)
		}
		openToAll(w.Header(), "application/json")
		_, _ = w.Write(text)
	})
}

// publicHost is the configured host, or what the proxy in front says, or what the client asked for.
func publicHost(publicURL string, r *http.Request) (host string, schemes []string) {
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		return u.Host, []string{u.Scheme}
	}
	scheme := r.Header.Get("X-Forwarded-Proto")
	if scheme != "http" && scheme != "https" {
		scheme = "http"
		if r.TLS != nil || r.Header.Get("X-Forwarded-Host") != "" {
			scheme = "https"
		}
	}
	host = r.Header.Get("X-Forwarded-Host")
	if host == "" {
		host = r.Host
	}
	return host, []string{scheme}
}
