package handlers_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"countersign/handlers"
	"countersign/signing"
)

// suiteCase is a request from the tests of another implementation, as a request to this service, and that
// implementation's expected signature or, if its tests look at other values, those. Omitted are cases that no service
// would accept as they are, and those that this service refuses on purpose: unsound URLs, a host that differs from
// the URL's, made-up hashes, presigned URLs without an expiry.
type suiteCase struct {
	Suite, Name, Operation                                                         string
	Request                                                                        map[string]any
	Signature, CanonicalRequestSHA256, CanonicalURI, CanonicalQuery, SignedHeaders *string
}

// The operations agree with the tests of 27 other implementations.
func TestSuitesOfOthers(t *testing.T) {
	text, err := os.ReadFile("testdata/suites.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []suiteCase
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) {
		withoutSession(o)
		for _, c := range cases {
			if u, _, err := signing.ParseURL(c.Request["url"].(string), nil); err == nil && u.Scheme() == "http" {
				o.HTTPHosts = append(o.HTTPHosts, u.Host())
			}
		}
	})
	suites, compared := map[string]bool{}, 0
	for _, c := range cases {
		suites[c.Suite] = true
		compared += c.compare(t, server)
	}
	if len(cases) != 351 || len(suites) != 25 || compared != 385 {
		t.Errorf("%d values of %d cases of %d suites were compared", compared, len(cases), len(suites))
	}
}

// compare returns how many values it compared.
func (c *suiteCase) compare(t *testing.T, server *testServer) (compared int) {
	c.Request["explain"] = true
	text, err := json.Marshal(c.Request)
	if err != nil {
		t.Fatal(err)
	}
	w := server.post("/v1/"+c.Operation, string(text))
	if w.Code != http.StatusOK {
		t.Errorf("%s, %s: %d %s", c.Suite, c.Name, w.Code, w.Body)
		return 0
	}
	got := decodeAs[struct {
		Explanation   stageTexts
		SignedHeaders []string
	}](t, w.Body)
	lines := strings.Split(got.Explanation["canonicalRequest"], "\n")
	if len(lines) < 3 {
		t.Errorf("%s, %s: there is no canonical request in %s", c.Suite, c.Name, w.Body)
		return 0
	}
	for what, pair := range map[string]struct {
		got  string
		want *string
	}{
		"signature":         {got.Explanation["signature"], c.Signature},
		"canonical request": {got.Explanation["canonicalRequestSha256"], c.CanonicalRequestSHA256},
		"canonical URI":     {lines[1], c.CanonicalURI},
		"canonical query":   {lines[2], c.CanonicalQuery},
		"signed headers":    {strings.Join(got.SignedHeaders, ";"), c.SignedHeaders},
	} {
		if pair.want == nil {
			continue
		}
		compared++
		if pair.got != *pair.want {
			t.Errorf("%s, %s: %s\n%s\nwant\n%s\nof\n%s", c.Suite, c.Name, what, pair.got, *pair.want, got.Explanation["canonicalRequest"])
		}
	}
	return compared
}
