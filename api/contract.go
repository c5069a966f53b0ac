package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"countersign/connector"
	"countersign/handlers"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// Contract is the OpenAPI description of the service, in the three forms in which it is served.
type Contract struct {
	yaml    []byte
	json    func() ([]byte, error)
	swagger func() (*openapi2.T, error)
	router  func() (routers.Router, error) // for Enforce alone
}

// NewContract takes openapi.yaml as it was written. It is read, validated and converted when first asked for, which takes longer than
// all the rest of a start; [Contract.Check] asks.
func NewContract(yaml []byte) *Contract {
	return &Contract{
		yaml: yaml,
		json: sync.OnceValues(func() ([]byte, error) {
			doc, err := load(yaml)
			if err != nil {
				return nil, err
			}
			return json.Marshal(doc)
		}),
		swagger: sync.OnceValues(func() (*openapi2.T, error) { return connector.Swagger(yaml) }),
		router:  sync.OnceValues(func() (routers.Router, error) { return routerOf(yaml) }),
	}
}

// Check reads and validates the contract, its examples included.
func (c *Contract) Check() error {
	_, err := c.json()
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

func (c *Contract) serveYAML() http.Handler {
	return serveDocument("application/yaml", func() ([]byte, error) { return c.yaml, nil })
}

func (c *Contract) serveJSON() http.Handler { return serveDocument("application/json", c.json) }

func serveDocument(media string, document func() ([]byte, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := document()
		if err != nil {
			handlers.WriteError(w, r, err)
			return
		}
		openToAll(w.Header(), media)
		_, _ = w.Write(text) // a client that is gone cannot be told anything more
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
			handlers.WriteError(w, r, err)
			return
		}
		filled := *doc
		filled.Host, filled.Schemes = publicHost(publicURL, r)
		text, err := json.Marshal(&filled)
		if err != nil {
			handlers.WriteError(w, r, err)
			return
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
