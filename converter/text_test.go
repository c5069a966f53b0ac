package converter_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// leaking has a secret everywhere that a definition may have a text.
const leaking = `{"swagger":"2.0","host":"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com","info":{"title":"Orders of {T}"},"paths":{
	"/b":{"get":{"parameters":[{"name":"{T}","in":"query","type":"string"}]}},
	"/a":{"get":{"operationId":"get {T}","summary":"Get {T}","description":"Gets {T} now",
		"parameters":[{"name":"q","in":"query","type":"string","enum":["{T}"],"description":"of {T}"}],
		"responses":{"200":{"description":"a","schema":{"$ref":"#/definitions/Model {REF}"}}}}}},
	"definitions":{"Model {T}":{"type":"object","properties":{"{T}":{"type":"string"},"b":{"type":"string","title":"T {T}"}}}}}`

var reference = strings.NewReplacer("%", "%25", "/", "~1")

// An account id is recognized whatever surrounds it: in names it follows a letter or an underscore, in URLs an
// escape, and the console writes it with hyphens. Numbers of another length, hashes, and UUIDs that do not end in an
// account id are not.
func TestConvert_AccountIDsInOtherSpellings(t *testing.T) {
	const hash = "0x0d0b3f21d7c90d0b957aa6acbc993621311208e4"
	for text, leaks := range map[string]bool{
		"sqs_123456789012_eu": true, "acct123456789012": true, "123456789012x": true, "1234-5678-9012": true, "2026-123456789012": true,
		"arn%3Aaws%3Aiam%3A%3A123456789012%3Arole": true, "arn%3aaws-cn%3as3%3a%3a%3abucket": true, "_arn:aws:s3:::bucket": true,
		"key_AKIAIOSFODNN7EXAMPLE_1": true, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": true,
		"9876543210123": false, "123e4567-e89b-12d3-a456-123456789012": true,
		"00000000-0000-0000-0000-00000000000a": false, hash: false, "2026-11-29": false, "learn: more": false,
		"/v1/registration/aadhaar/verifyMobileOTP": false, "OBWriteDomesticScheduledConsentResponse5": false,
	} {
		made, err := convert(t, strings.NewReplacer("{T}", text, "{REF}", reference.Replace(text)).Replace(leaking), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		valid(t, made)
		for name, file := range made.Files {
			if leaks && (bytes.Contains(file, []byte(text)) || bytes.Contains(file, []byte("5678-9012")) || bytes.Contains(file, []byte("bucket")) ||
				bytes.Contains(file, []byte("K7MDENG"))) {
				t.Errorf("%s holds a secret from %s", name, text)
			}
		}
		if !leaks && !bytes.Contains(made.Files["apiDefinition.swagger.json"], []byte("Gets "+text+" now")) {
			t.Errorf("%s is not in the description", text)
		}
	}
}

// A path of forty characters is not a secret access key.
func TestConvert_KeepsLongPaths(t *testing.T) {
	for _, path := range []string{"/v1/registration/aadhaar/verifyMobileOTP", "/V3/a1B/c2D/e3F/g4H/i5J/k6L/m7N/o8P/q9RR"} {
		made, err := convert(t, strings.Replace(trap(``), `"/a"`, `"`+path+`"`, 1), nil)
		if err != nil || len(made.Report.LeftOut) != 0 || made.Report.Actions[0].Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A summary ends in a letter or a digit, and a description in a full stop, with no parenthesis or punctuation left
// over.
func TestConvert_EndsOfTexts(t *testing.T) {
	for text, want := range map[string]string{
		"Get order (v2)": "Get order v2", "Get (old) orders!": "Get (old) orders", "Get 注文": "", "Get order (注文)": "",
	} {
		made, err := convert(t, trap(`"summary":"`+text+`","description":"Done!"`), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		valid(t, made)
		for _, part := range []string{`"summary": "` + first(want, "Get a") + `"`, `"description": "Done."`} {
			if !bytes.Contains(made.Files["apiDefinition.swagger.json"], []byte(part)) {
				t.Errorf("%s: %s is missing", text, part)
			}
		}
	}
}

// Alternatives have titles; a property that may be one or another has its own name.
func TestConvert_NameOfAlternatives(t *testing.T) {
	made, err := convert(t, `{"openapi":"3.0.1","servers":[{"url":"`+gateway+`"}],"paths":{"/a":{"get":{"responses":{"200":{`+
		`"description":"a","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Pet"}}}}}}}},`+
		`"components":{"schemas":{"Pet":{"oneOf":[`+
		`{"type":"object","title":"Cat","description":"A cat.","properties":{"lives":{"type":"integer"}}},`+
		`{"type":"object","title":"Dog","properties":{"barks":{"type":"boolean"}}}]}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	text := made.Files["apiDefinition.swagger.json"]
	if !bytes.Contains(text, []byte(`"Pet"`)) || bytes.Contains(text, []byte(`"Cat"`)) || bytes.Contains(text, []byte("A cat")) {
		t.Error("the property is called a cat")
	}
}

// A reference to a model has the property's own name, and the description beside the reference.
func TestConvert_NamesFromFields(t *testing.T) {
	for _, version := range []string{"3.0.3", "3.1.0"} {
		made, err := convert(t, `{"openapi":"`+version+`","servers":[{"url":"`+gateway+`"}],"paths":{"/a":{"post":{"requestBody":{"content":{`+
			`"application/json":{"schema":{"$ref":"#/components/schemas/Order"}}}}}}},"components":{"schemas":{"Order":{"type":"object",`+
			`"properties":{"billTo":{"$ref":"#/components/schemas/Address"},"shipTo":{"allOf":[{"$ref":"#/components/schemas/Address"}],`+
			`"description":"Where it goes."},"via":{"$ref":"#/components/schemas/Address","description":"A stop."},`+
			`"orderState":{"$ref":"#/components/schemas/State"}}},"Address":{"type":"object","title":"AddressModel","properties":{`+
			`"street":{"type":"string"}}},"State":{"type":"string","enum":["open"]}}}}`, nil)
		if err != nil {
			t.Fatal(err)
		}
		valid(t, made)
		type field struct {
			Description string
			Label       string `json:"x-ms-summary"`
		}
		var d struct {
			Definitions struct {
				Order struct{ Properties map[string]field }
			}
		}
		if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &d); err != nil {
			t.Fatal(err)
		}
		want := map[string]field{
			"billTo": {"Bill to.", "Bill to"}, "shipTo": {"Where it goes.", "Ship to"}, "via": {"A stop.", "Via"},
			"orderState": {"Order state.", "Order state"},
		}
		if got := d.Definitions.Order.Properties; !maps.Equal(got, want) {
			t.Errorf("%s: %v", version, got)
		}
	}
}

// Designers show HTML as it is written, and AWS uses it in descriptions.
func TestConvert_TextsWithoutMarkup(t *testing.T) {
	for text, want := range map[string]string{
		`<p>The <code>orders</code>, as <a href='x'>paged</a>.</p><ul><li>One</li> <li>Two</li></ul>`: "The orders, as paged. One Two.",
		`Line<br/>break &amp; &lt;folder name&gt;`:                                                    "Line break & <folder name>.",
		`Send <code> and ?a=1&copy=2`:                                                                 "Send <code> and ?a=1&copy=2.",
		`Of &#49;23456789012`:                                                                         "Of.",
		`Of &#36;{x}`:                                                                                 "Get a: GET /a of A.",
	} {
		made, err := convert(t, trap(`"description":"`+text+`"`), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		valid(t, made)
		var definition struct {
			Paths map[string]map[string]struct{ Description string }
		}
		if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &definition); err != nil {
			t.Fatal(err)
		}
		for _, item := range definition.Paths {
			if got := item["get"].Description; got != want {
				t.Errorf("%s: %q, want %q", text, got, want)
			}
		}
	}
}
