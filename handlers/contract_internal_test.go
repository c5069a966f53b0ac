package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/problem"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
)

// documents are the request bodies of the contract and the types that they are decoded into.
var documents = []struct {
	schema string
	make   func() any
}{
	{"SignRequest", func() any { return new(signRequest) }},
	{"PresignRequest", func() any { return new(presignRequest) }},
	{"VerifyRequest", func() any { return new(verifyRequest) }},
	{"PostPolicyRequest", func() any { return new(postPolicyRequest) }},
	{"ReadRequest", func() any { return new(readRequest) }},
	{"DiagnoseRequest", func() any { return new(diagnoseRequest) }},
	{"SnippetRequest", func() any { return new(snippetRequest) }},
	{"ConnectTokenRequest", func() any { return new(connectTokenRequest) }},
	{"CanonicalRequestStep", func() any { return new(canonicalStep) }},
	{"StringToSignStep", func() any { return new(stringStep) }},
	{"SignatureStep", func() any { return new(signatureStep) }},
	{"SendRequest", func() any { return new(sendRequest) }},
}

// schemas are the contract's. Format date-time means RFC 3339 as Go reads it, which knows how long each month is, and
// byte means RFC 4648 section 4; kin-openapi's own patterns are looser.
func schemas(t testing.TB) (openapi3.Schemas, []openapi3.SchemaValidationOption) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, schema := range doc.Components.Schemas {
		for _, p := range schema.Value.Properties {
			p.Value.Nullable = p.Value.Nullable || p.Value.Type == nil // as package api has it
		}
	}
	dateTime := openapi3.NewCallbackValidator(func(text string) error {
		_, err := time.Parse(time.RFC3339, text)
		return err
	})
	base64 := openapi3.NewCallbackValidator(func(text string) error {
		_, err := decodeBase64(text)
		return err
	})
	return doc.Components.Schemas, []openapi3.SchemaValidationOption{
		openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{"date-time": dateTime, "byte": base64}),
	}
}

func TestEveryRequestBodyIsFuzzed(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for _, o := range item.Operations() {
			if o.RequestBody == nil || o.RequestBody.Value.Content.Get("application/json") == nil {
				continue
			}
			name := strings.TrimPrefix(o.RequestBody.Value.Content.Get("application/json").Schema.Ref, "#/components/schemas/")
			if !slices.ContainsFunc(documents, func(d struct {
				schema string
				make   func() any
			},
			) bool {
				return d.schema == name
			}) {
				t.Errorf("%s: %s is not among the documents", path, name)
			}
		}
	}
}

// Of the documents that are strict JSON, the decoder accepts exactly those that the contract accepts.
func FuzzDecoderAndContractAgree(f *testing.F) {
	all, options := schemas(f)
	seeds := []string{
		`{}`, `[]`, `null`, `{"method":"GET","url":"u"}`, `{"method":"","url":"u"}`, `{"method":"GET","url":null}`,
		`{"method":"GET","url":"u","query":{"a":"b"},"headers":{"a":""},"headerList":[{"name":"a","value":""}]}`,
		`{"method":"GET","url":"u","query":null,"headers":null,"headerList":null,"body":null,"bodyBase64":null,"payloadSha256":null,` +
			`"payload":null,"profile":null,"service":null,"region":null,"algorithm":null,"signedHeaders":null,"signAllHeaders":null,` +
			`"minValiditySeconds":null,"signingTime":null,"credentials":null,"options":null,"explain":null,"output":null,"bodyForm":null}`,
		`{"method":"GET","url":"u","output":"short","bodyForm":"none"}`,
		`{"method":"GET","url":"u","output":"long"}`, `{"method":"GET","url":"u","bodyForm":""}`,
		`{"method":"GET","url":"u","headers":{"a":null}}`, `{"method":"GET","url":"u","headers":{"a":1}}`,
		`{"method":"GET","url":"u","headerList":[null]}`,
		`{"method":"GET","url":"u","headerList":[{"name":"a"}]}`, `{"method":"GET","url":"u","headerList":[{"name":"a","value":null}]}`,
		`{"method":"GET","url":"u","headerList":[{"name":"","value":"b"}]}`,
		`{"method":"GET","url":"u","body":{"a":[1,2.50,"x",null,true]}}`, `{"method":"GET","url":"u","body":7}`,
		`{"method":"GET","url":"u","bodyBase64":"?"}`,
		`{"method":"GET","url":"u","payloadSha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`,
		`{"method":"GET","url":"u","payloadSha256":"E3"}`,
		`{"method":"GET","url":"u","payload":"unsigned"}`, `{"method":"GET","url":"u","payload":""}`,
		`{"method":"GET","url":"u","algorithm":"AWS4-HMAC-SHA256"}`, `{"method":"GET","url":"u","algorithm":"x"}`,
		`{"method":"GET","url":"u","signedHeaders":["a"]}`, `{"method":"GET","url":"u","signedHeaders":[""]}`,
		`{"method":"GET","url":"u","signedHeaders":[null]}`, `{"method":"GET","url":"u","signedHeaders":"a"}`,
		`{"method":"GET","url":"u","minValiditySeconds":6e1}`, `{"method":"GET","url":"u","minValiditySeconds":60.5}`,
		`{"method":"GET","url":"u","minValiditySeconds":-0}`, `{"method":"GET","url":"u","minValiditySeconds":1e400}`,
		`{"method":"GET","url":"u","minValiditySeconds":"60"}`,
		`{"method":"GET","url":"u","signingTime":"2024-02-29T00:00:00Z"}`, `{"method":"GET","url":"u","signingTime":"2023-02-29T00:00:00Z"}`,
		`{"method":"GET","url":"u","signingTime":""}`,
		`{"method":"GET","url":"u","credentials":{"accessKeyId":"a","secretAccessKey":"b","accountId":"123456789012","durationSeconds":900}}`,
		`{"method":"GET","url":"u","credentials":{}}`,
		`{"method":"GET","url":"u","credentials":{"accessKeyId":"a","secretAccessKey":"b","accountId":"12"}}`,
		`{"method":"GET","url":"u","options":{"normalizePath":false,"doubleEncode":null,"contentSha256Header":"never",` +
			`"sessionToken":"appended"}}`, `{"method":"GET","url":"u","options":{"contentSha256Header":"x"}}`,
		`{"method":"GET","url":"u","options":{"x":1}}`,
		`{"method":"GET","url":"u","explain":1}`, `{"method":"GET","url":"u","Method":"GET"}`, `{"method":"GET","url":"u","a~/b":1}`,
	}
	for _, seed := range seeds {
		f.Add([]byte(seed), byte(0))
	}
	const step = `{"method":"GET","url":"u","headerList":[{"name":"a","value":"b"}],"payloadSha256":"p","service":"s","region":"r",` +
		`"algorithm":"AWS4-HMAC-SHA256","scopeSource":"","options":{"normalizePath":true,"doubleEncode":true,"contentSha256Header":"",` +
		`"sessionToken":""},"profile":"","signingTime":"2024-02-29T00:00:00Z","expiresAt":"","signedHeaders":["host"],"canonicalRequest":"c",` +
		`"warnings":[{"code":"","message":""}]`
	const step2 = step + `,"bodyEnvelope":{"$content-type":"","$content":""},"canonicalRequestSha256":"","credentialScope":"c",` +
		`"stringToSign":"s"`
	for i, seed := range []string{
		"", `{"method":"GET","url":"u","expiresInSeconds":604800}`,
		`{"method":"GET","url":"u","at":"2024-02-29T00:00:00Z","doubleEncode":false,"body":"x"}`,
		`{"bucket":"b","key":"k","region":"r","fields":{"acl":"private"},"startsWith":{"a":""},"minLength":0,"maxLength":1}`,
		`{"text":"curl u","choice":0}`,
		`{"paste":"","request":{"method":"GET","url":"u","headers":{"a":""},"headerList":[{"name":"a","value":""}],"body":"","bodyBase64":""},` +
			`"requestIs":"signed","response":{"status":403,"headers":null,"body":""},"at":"2024-02-29T00:00:00Z","clock":"signer","signedAt":null,` +
			`"sessionExpiresAt":null,"attempt":1}`,
		`{"for":"python","address":"https://h","keepExpressions":true,"request":{"method":"GET","url":"u","query":null}}`,
		`{"kind":"rds","endpoint":"e:1","user":"u","region":"r","expiresInSeconds":900}`,
		step + `}`, step2 + `}`, step2 + `,"accessKeyId":"a","signature":"s"}`,
	} {
		f.Add([]byte(seed), byte(i))
		f.Add([]byte(strings.ReplaceAll(seed, `"u"`, "null")), byte(i))
		f.Add([]byte(strings.ReplaceAll(seed, `""`, "null")), byte(i))
		f.Add([]byte(strings.ReplaceAll(seed, `["host"]`, "[]")), byte(i))
		f.Add([]byte(strings.ReplaceAll(seed, `0`, "0.5")), byte(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, which byte) {
		document := documents[int(which)%len(documents)]
		schema := all[document.schema].Value
		in := document.make()
		err := decodeDocument(data, in)
		if !jsontext.Value(data).IsValid() {
			if err == nil {
				t.Fatalf("%q is not strict JSON and was accepted", data)
			}
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var value any
		if e := decoder.Decode(&value); e != nil {
			t.Fatalf("%q: %v", data, e)
		}
		contract := schema.VisitJSON(value, options...)
		if (err == nil) != (contract == nil) {
			t.Fatalf("%s %q\ndecoder: %v\ncontract: %v", document.schema, data, err, contract)
		}
		if f := (*problem.Error)(nil); err != nil && (!errors.As(err, &f) || !problem.Known(f.Code)) {
			t.Fatalf("%q: an error without a known code: %v", data, err)
		}
	})
}

func TestEveryWarningIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, pattern := range []string{"*.go", "../broker/*.go", "../signing/url.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?:\.warn\(|Code: +)"([^"]+)"`).FindAllSubmatch(source, -1) {
				found++
				if !bytes.Contains(text, append(append([]byte("`"), m[1]...), '`')) {
					t.Errorf("docs/errors.md does not explain the warning %s of %s", m[1], file)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("%d warnings were found, want more", found)
	}
}
