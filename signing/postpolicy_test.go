package signing_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// documentedPolicy is the policy of "Browser-Based Upload using HTTP POST" in the S3 API Reference,
// with its line endings.
const documentedPolicy = "{ \"expiration\": \"2015-12-30T12:00:00.000Z\",\r\n" +
	"  \"conditions\": [\r\n" +
	"    {\"bucket\": \"sigv4examplebucket\"},\r\n" +
	"    [\"starts-with\", \"$key\", \"user/user1/\"],\r\n" +
	"    {\"acl\": \"public-read\"},\r\n" +
	"    {\"success_action_redirect\": \"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html\"},\r\n" +
	"    [\"starts-with\", \"$Content-Type\", \"image/\"],\r\n" +
	"    {\"x-amz-meta-uuid\": \"14365123651274\"},\r\n" +
	"    {\"x-amz-server-side-encryption\": \"AES256\"},\r\n" +
	"    [\"starts-with\", \"$x-amz-meta-tag\", \"\"],\r\n" +
	"\r\n" +
	"    {\"x-amz-credential\": \"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request\"},\r\n" +
	"    {\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"},\r\n" +
	"    {\"x-amz-date\": \"20151229T000000Z\" }\r\n" +
	"  ]\r\n" +
	"}"

func TestKeySign_DocumentedPolicy(t *testing.T) {
	key, err := signing.DeriveKey(signing.HMAC, signing.NewCredentials(exampleID, exampleSecret, ""),
		time.Date(2015, 12, 29, 0, 0, 0, 0, time.UTC), signing.Scope{Service: "s3", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	policy := base64.StdEncoding.EncodeToString([]byte(documentedPolicy))
	if got, err := key.Sign(policy); err != nil || got != "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e" {
		t.Errorf("signature = %s, %v, want the documented one", got, err)
	}
	// An earlier revision of the page had this signature, which is wrong.
	if key.Verify(policy, "46503978d3596de22955b4b18d6dfb1d54e8c5958727d5bdcd02cc1119c60fc9") {
		t.Error("the signature of the older documentation verifies")
	}
}

func examplePolicy() *signing.PostPolicy {
	return &signing.PostPolicy{
		Bucket: "sigv4examplebucket",
		Fields: []signing.Parameter{
			{Name: "key", Value: "user/user1/${filename}"},
			{Name: "acl", Value: "public-read"},
			{Name: "success_action_redirect", Value: "http://example.com/?a=1&b=<2>"},
		},
		StartsWith:  []signing.Parameter{{Name: "Content-Type", Value: "image/"}, {Name: "x-amz-meta-tag"}},
		MinLength:   1,
		MaxLength:   1 << 20,
		Region:      "us-east-1",
		Time:        time.Date(2015, 12, 29, 0, 0, 0, 0, time.UTC),
		Expires:     36 * time.Hour,
		Credentials: signing.NewCredentials(exampleID, exampleSecret, exampleToken),
	}
}

func TestPostPolicy(t *testing.T) {
	p := examplePolicy()
	got, err := new(signing.Signer).PostPolicy(p)
	if err != nil {
		t.Fatal(err)
	}
	const credential = exampleID + "/20151229/us-east-1/s3/aws4_request"
	wantPolicy := `{"expiration":"2015-12-30T12:00:00.000Z","conditions":[{"bucket":"sigv4examplebucket"},` +
		`["starts-with","$key","user/user1/"],{"acl":"public-read"},{"success_action_redirect":"http://example.com/?a=1&b=<2>"},` +
		`{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":"` + credential + `"},{"x-amz-date":"20151229T000000Z"},` +
		`{"x-amz-security-token":"` + exampleToken + `"},["starts-with","$Content-Type","image/"],["starts-with","$x-amz-meta-tag",""],` +
		`["content-length-range",1,1048576]]}`
	if got.Policy != wantPolicy {
		t.Errorf("policy = %s, want %s", got.Policy, wantPolicy)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(got.Policy))
	want := append(slices.Clone(p.Fields),
		signing.Parameter{Name: "x-amz-algorithm", Value: "AWS4-HMAC-SHA256"},
		signing.Parameter{Name: "x-amz-credential", Value: credential},
		signing.Parameter{Name: "x-amz-date", Value: "20151229T000000Z"},
		signing.Parameter{Name: "x-amz-security-token", Value: exampleToken},
		signing.Parameter{Name: "policy", Value: encoded},
		signing.Parameter{Name: "x-amz-signature", Value: got.Signature})
	if !slices.Equal(got.Fields, want) {
		t.Errorf("fields = %q, want %q", got.Fields, want)
	}
	key, err := signing.DeriveKey(signing.HMAC, p.Credentials, p.Time, signing.Scope{Service: "s3", Region: "us-east-1"})
	if err != nil || !key.Verify(encoded, got.Signature) {
		t.Errorf("signature %s does not verify: %v", got.Signature, err)
	}
}

// S3 replaces ${filename} in every field before it checks the policy, so an exact condition could
// never match.
func TestPostPolicy_FilenameBecomesAPrefixCondition(t *testing.T) {
	for value, want := range map[string]string{
		"user/${filename}":                    `["starts-with","$NAME","user/"]`,
		"${filename}":                         `["starts-with","$NAME",""]`,
		"user/${filename}.jpg":                `["starts-with","$NAME","user/"]`,
		"https://example.com/?f=${filename}&": `["starts-with","$NAME","https://example.com/?f="]`,
		"${filename}${filename}":              `["starts-with","$NAME",""]`,
		"${filename":                          `{"NAME":"${filename"}`,
		"$filename":                           `{"NAME":"$filename"}`,
	} {
		for i, name := range []string{"key", "success_action_redirect"} {
			p := examplePolicy()
			p.Fields = []signing.Parameter{{Name: "key", Value: "k"}, {Name: "success_action_redirect", Value: "r"}}
			p.Fields[i].Value = value
			got, err := new(signing.Signer).PostPolicy(p)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.ReplaceAll(want, "NAME", name); !strings.Contains(got.Policy, want) {
				t.Errorf("%s = %s: the policy %s lacks %s", name, value, got.Policy, want)
			}
			if got.Fields[i].Value != value {
				t.Errorf("%s is sent as %s, want %s", name, got.Fields[i].Value, value)
			}
		}
	}
}

// S3 rejects the upload unless every field of the form has a condition.
func TestPostPolicy_HasAConditionForEveryField(t *testing.T) {
	got, err := new(signing.Signer).PostPolicy(examplePolicy())
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Conditions []any }
	if err := json.Unmarshal([]byte(got.Policy), &document); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{"policy": true, "x-amz-signature": true}
	for _, c := range document.Conditions {
		switch c := c.(type) {
		case map[string]any:
			for name := range c {
				named[name] = true
			}
		case []any:
			if name, ok := c[1].(string); ok {
				named[strings.TrimPrefix(name, "$")] = c[0] == "starts-with"
			}
		}
	}
	for _, f := range got.Fields {
		if !named[f.Name] {
			t.Errorf("field %q has no condition", f.Name)
		}
	}
}

func TestPostPolicy_Rejects(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*signing.PostPolicy)
		part   signing.InputPart
	}{
		{"no bucket", func(p *signing.PostPolicy) { p.Bucket = "" }, signing.InputBucket},
		{"no key", func(p *signing.PostPolicy) { p.Fields = nil }, signing.InputFields},
		{"no region", func(p *signing.PostPolicy) { p.Region = "" }, signing.InputRegion},
		{"no time", func(p *signing.PostPolicy) { p.Time = time.Time{} }, signing.InputTime},
		{"no expiry", func(p *signing.PostPolicy) { p.Expires = 0 }, signing.InputExpires},
		{"an expiry too far away", func(p *signing.PostPolicy) { p.Expires = signing.MaxExpires + 1 }, signing.InputExpires},
		{"no credentials", func(p *signing.PostPolicy) { p.Credentials = signing.Credentials{} }, signing.InputCredentials},
		{"a minimum length without a maximum", func(p *signing.PostPolicy) { p.MaxLength = 0 }, signing.InputMaxLength},
		{"a minimum length above the maximum", func(p *signing.PostPolicy) { p.MinLength = 1 << 21 }, signing.InputMaxLength},
		{"a negative length", func(p *signing.PostPolicy) { p.MinLength = -1 }, signing.InputMaxLength},
		{"a field that signing sets", func(p *signing.PostPolicy) { p.Fields[1].Name = "X-Amz-Date" }, signing.InputFields},
		{"the file", func(p *signing.PostPolicy) { p.StartsWith[1].Name = "file" }, signing.InputStartsWith},
		{"a field without a name", func(p *signing.PostPolicy) { p.Fields[1].Name = "" }, signing.InputFields},
		{"a field name with a quote", func(p *signing.PostPolicy) { p.Fields[1].Name = `a"b` }, signing.InputFields},
		{"a line break in a value", func(p *signing.PostPolicy) { p.Fields[1].Value = "a\r\nb" }, signing.InputFields},
		{
			"a variable in a prefix", func(p *signing.PostPolicy) { p.StartsWith[1].Value = "${filename}" },
			signing.InputStartsWith,
		},
		{"invalid UTF-8 in a value", func(p *signing.PostPolicy) { p.Fields[1].Value = "\xff" }, signing.InputFields},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := examplePolicy()
			tt.change(p)
			_, err := new(signing.Signer).PostPolicy(p)
			if input := wantInputError(t, err); input.Part != tt.part {
				t.Errorf("PostPolicy: %v, want an error about %s", input, tt.part)
			}
		})
	}
}
