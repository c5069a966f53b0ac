//go:build peers

package signing_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// upload is a form with a file, and the values that were filled in in addition to its fields.
type upload struct {
	policy signing.PostPolicy
	filled []signing.Parameter // by the uploader
	edit   func(fields []signing.Parameter) []signing.Parameter
	file   string
}

// post fills in a form as a browser does, and sends it.
func (g *gateway) post(t *testing.T, u upload) serverResponse {
	t.Helper()
	form, err := g.signer.PostPolicy(&u.policy)
	if err != nil {
		t.Fatal(err)
	}
	fields := append(form.Fields, u.filled...)
	if u.edit != nil {
		fields = u.edit(fields)
	}
	return send(t, g.form(t, fields, u.file))
}

func (g *gateway) form(t *testing.T, fields []signing.Parameter, file string) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range fields {
		if err := form.WriteField(f.Name, f.Value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "file.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(file))
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest("POST", g.url+bucket, &body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	return request
}

func examplePolicy() signing.PostPolicy {
	return signing.PostPolicy{
		Bucket: strings.TrimPrefix(bucket, "/"), Region: "us-east-1", Time: time.Now(), Expires: time.Minute, Credentials: root,
		Fields: []signing.Parameter{
			{Name: "acl", Value: "private"},
			{Name: "x-amz-meta-note", Value: `a "quoted" ünïcödé <note>`},
			{Name: "success_action_status", Value: "201"},
		},
		StartsWith: []signing.Parameter{{Name: "key", Value: "up/"}, {Name: "Content-Type", Value: "text/"}},
		MinLength:  3, MaxLength: 10,
	}
}

func TestGatewayAcceptsUploads(t *testing.T) {
	g := startGateway(t)
	for key, file := range map[string]string{"up/three.txt": "123", "up/ten.txt": "1234567890", "up/two words+ü=.txt": "hello"} {
		u := upload{policy: examplePolicy(), filled: filledIn(key), file: file}
		if a := g.post(t, u); a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", key, a.status, a.body)
			continue
		}
		got := g.mustSend(t, g.request(t, "GET", bucket+"/"+key, nil), nil)
		if got.body != file || got.header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %q as %s", key, got.body, got.header.Get("Content-Type"))
		}
	}
	for _, key := range []string{"exact", "up/${filename}"} { // this server does not replace ${filename}
		open := examplePolicy()
		open.Fields, open.StartsWith, open.MinLength, open.MaxLength = []signing.Parameter{{Name: "key", Value: key}}, nil, 0, 0
		if a := g.post(t, upload{policy: open, file: strings.Repeat("x", 1<<20)}); a.status/100 != 2 {
			t.Errorf("%s without a limit: %d %s", key, a.status, a.body)
		}
	}
}

// filledIn returns the values that an uploader fills in.
func filledIn(key string) []signing.Parameter {
	return []signing.Parameter{{Name: "key", Value: key}, {Name: "Content-Type", Value: "text/plain"}}
}

func TestGatewayRefusesUploads(t *testing.T) {
	g := startGateway(t)
	text := filledIn("up/x")
	set := func(name, value string) func([]signing.Parameter) []signing.Parameter {
		return func(fields []signing.Parameter) []signing.Parameter {
			i := slices.IndexFunc(fields, func(p signing.Parameter) bool { return p.Name == name })
			if i < 0 {
				t.Fatalf("the form has no field %s", name)
			}
			fields[i].Value = value
			return fields
		}
	}
	drop := func(name string) func([]signing.Parameter) []signing.Parameter {
		return func(fields []signing.Parameter) []signing.Parameter {
			return slices.DeleteFunc(fields, func(p signing.Parameter) bool { return p.Name == name })
		}
	}
	for _, tt := range []struct {
		name   string
		file   string
		filled []signing.Parameter
		policy func(*signing.PostPolicy)
		edit   func([]signing.Parameter) []signing.Parameter
		code   string
	}{
		{name: "nothing wrong", file: "hello", filled: text},
		{name: "too short", file: "12", filled: text, code: "EntityTooSmall"},
		{name: "too long", file: "12345678901", filled: text, code: "EntityTooLarge"},
		{
			name: "another type", file: "hello",
			filled: []signing.Parameter{{Name: "key", Value: "up/x"}, {Name: "Content-Type", Value: "image/png"}}, code: "AccessDenied",
		},
		{
			name: "a field beyond the policy", file: "hello",
			filled: append([]signing.Parameter{{Name: "x-amz-storage-class", Value: "GLACIER"}}, text...), code: "AccessDenied",
		},
		{name: "another key", file: "hello", filled: text, edit: set("key", "elsewhere/x"), code: "AccessDenied"},
		{name: "another acl", file: "hello", filled: text, edit: set("acl", "public-read"), code: "AccessDenied"},
		{name: "another note", file: "hello", filled: text, edit: set("x-amz-meta-note", "x"), code: "AccessDenied"},
		{name: "another date", file: "hello", filled: text, edit: set("x-amz-date", "20150830T123600Z"), code: "AccessDenied"},
		{
			name: "another signature", file: "hello", filled: text, edit: set("x-amz-signature", strings.Repeat("0", 64)),
			code: "SignatureDoesNotMatch",
		},
		{
			name: "another policy", file: "hello", filled: text,
			edit: set("policy", "eyJleHBpcmF0aW9uIjoiMjA5OS0wMS0wMVQwMDowMDowMFoiLCJjb25kaXRpb25zIjpbXX0="),
			code: "SignatureDoesNotMatch",
		},
		{name: "no signature", file: "hello", filled: text, edit: drop("x-amz-signature"), code: "InvalidArgument"},
		{name: "no acl", file: "hello", filled: text, edit: drop("acl"), code: "AccessDenied"},
		{
			name: "over", file: "hello", filled: text, policy: func(p *signing.PostPolicy) { p.Time = p.Time.Add(-2 * time.Minute) },
			code: "AccessDenied",
		},
		{name: "another bucket", file: "hello", filled: text, policy: func(p *signing.PostPolicy) { p.Bucket = "other" }, code: "AccessDenied"},
		{
			name: "another region", file: "hello", filled: text, policy: func(p *signing.PostPolicy) { p.Region = "eu-west-1" },
			code: "InvalidArgument",
		},
		{name: "another secret", file: "hello", filled: text, policy: func(p *signing.PostPolicy) {
			p.Credentials = signing.NewCredentials(root.AccessKeyID, "another", "")
		}, code: "SignatureDoesNotMatch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := upload{policy: examplePolicy(), filled: tt.filled, edit: tt.edit, file: tt.file}
			if tt.policy != nil {
				tt.policy(&u.policy)
			}
			a := g.post(t, u)
			if a.code() != tt.code || (a.status/100 == 2) != (tt.code == "") {
				t.Errorf("%d %s, want %q:\n%s", a.status, a.code(), tt.code, a.body)
			}
		})
	}
}
