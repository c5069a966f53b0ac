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
