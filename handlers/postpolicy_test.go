package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/access"
	"countersign/handlers"
)

// A form's signature covers the bucket but not the address, so the two must match.
func TestPostPolicy_AddressMatchesItsBucket(t *testing.T) {
	server := newServer(t, nil)
	for _, test := range []struct {
		bucket, url string
		status      int
	}{
		{"photos", "https://photos.s3.eu-west-1.amazonaws.com/", 200},
		{"photos", "https://photos.s3.dualstack.eu-west-1.amazonaws.com", 200},
		{"photos", "https://photos.s3-accelerate.amazonaws.com/", 200},
		{"photos", "https://s3.eu-west-1.amazonaws.com/photos", 200},
		{"photos", "https://s3.eu-west-1.amazonaws.com/photos/", 200},
		{"a.photos", "https://s3.eu-west-1.amazonaws.com/a.photos", 200},
		{"a.photos", "https://a.photos.s3.eu-west-1.amazonaws.com/", 200},
		{"photos", "https://minio.example.com/photos", 200},
		{"uploads.example.com", "https://uploads.example.com/", 200},

		{"salaries", "https://photos.s3.eu-west-1.amazonaws.com/", 400},
		{"salaries", "https://s3.eu-west-1.amazonaws.com/photos", 400},
		{"salaries", "https://s3.eu-west-1.amazonaws.com/", 400},
		{"salaries", "https://s3.eu-west-1.amazonaws.com/photos/salaries", 400},
		{"photos", "https://photos.s3-x.s3.eu-west-1.amazonaws.com/", 400},
		{"photos.s3", "https://photos.s3.eu-west-1.amazonaws.com/", 400},
		{"photos.s3.eu-west-1", "https://photos.s3.eu-west-1.amazonaws.com/", 400},
		{"photos", "https://photos.s3.eu-west-1.amazonaws.com/in/", 400},
		{"photos", "https://photos.example.com/", 400},
		{"photos", "https://salaries.s3.eu-west-1.amazonaws.com/photos", 400},
		{"photos", "https://s3.eu-west-1.amazonaws.com/photos?acl", 400},
		{"../salaries", "", 400},
		{"salaries/x", "", 400},
		{"salaries?acl=", "", 400},
		{"salaries#", "", 400},
		{"user@salaries", "", 400},
		{"", "https://s3.eu-west-1.amazonaws.com/", 400},
	} {
		w := server.post("/v1/s3/post-policy", `{"bucket":"`+test.bucket+`","key":"in/a","region":"eu-west-1","url":"`+test.url+`"}`)
		if w.Code != test.status {
			t.Errorf("%s at %q: got %d %s, want %d", test.bucket, test.url, w.Code, w.Body, test.status)
		}
		if w.Code != http.StatusOK {
			server.problem(w, test.status)
		}
	}
}

func TestPostPolicy_PoliciesSeeWhatAnUploadMayContain(t *testing.T) {
	policy, err := access.NewPolicy("p.cedar", []byte(`
		permit (principal, action == Action::"post-policy", resource) when {
			resource.path like "/in/*" && resource.host == "photos.s3.eu-west-1.amazonaws.com" && !resource.headers.contains("acl") };
		permit (principal, action == Action::"post-policy", resource) when {
			resource.path == "/one.jpg" || resource.path like "/pictures/*.jpg" || resource.path == "/" };
		permit (principal, action == Action::"post-policy", resource) when {
			resource.path like "/in/*" && resource.hasTag("header.acl") &&
			["public", "log-${filename}"].contains(resource.getTag("header.acl")) };`))
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	for fields, status := range map[string]int{
		`"bucket":"photos","key":"in/a"`:                                                                      200,
		`"bucket":"photos","key":"in/${filename}"`:                                                            200,
		`"bucket":"photos","key":"out/a"`:                                                                     403,
		`"bucket":"photos","key":"in${filename}"`:                                                             403,
		`"bucket":"photos","key":"in/../out/a"`:                                                               403,
		`"bucket":"salaries","key":"in/a"`:                                                                    403,
		`"bucket":"photos","key":"in/${filename}.jpg"`:                                                        200,
		`"bucket":"photos","key":"${filename}in/"`:                                                            403,
		`"bucket":"photos","key":"one.jpg"`:                                                                   200,
		`"bucket":"photos","key":"one.jpg${filename}"`:                                                        403,
		`"bucket":"photos","key":"pictures/a.jpg${filename}"`:                                                 403,
		`"bucket":"photos","key":"pictures/a.jpg${filename}.jpg"`:                                             403,
		`"bucket":"photos","key":"${filename}"`:                                                               403,
		`"bucket":"photos","key":"in/a","fields":{"acl":"public"}`:                                            200,
		`"bucket":"photos","key":"in/a","fields":{"acl":"log-${filename}"}`:                                   403, // can become anything
		`"bucket":"photos","key":"in/a","fields":{"acl":"public-read"}`:                                       403,
		`"bucket":"photos","key":"in/a","startsWith":{"acl":"public"}`:                                        403, // or public-read
		`"bucket":"photos","key":"in/a","fields":{"key":"out/a"}`:                                             400,
		`"bucket":"photos","key":"in/a","startsWith":{"Key":""}`:                                              400,
		`"bucket":"photos","key":"in/a","fields":{"x-amz-date":"1"}`:                                          400,
		`"bucket":"photos","key":"in/a","url":"https://PHOTOS.s3.eu-west-1.amazonaws.com:443/"`:               200,
		`"bucket":"photos","key":"in/a","url":"https://photos.s3.eu-west-1.amazonaws.com:8443/"`:              200,
		`"bucket":"photos","key":"` + strings.Repeat("../", 3) + `in/a"`:                                      403,
		`"bucket":"photos","key":"in/a","region":"eu-west-1,us-east-1","url":"https://minio.example/photos"`:  400,
		`"bucket":"photos","key":"in/%2e%2e/out"`:                                                             403,
		`"bucket":"photos","key":"in/a\u0000b"`:                                                               400,
		`"bucket":"photos","key":"in/a","url":"https://photos.s3.eu-west-1.amazonaws.com/?policy"`:            400,
		`"bucket":"photos","key":"in/a","fields":{"Content-Type":"text/html\r\nX-Evil: 1"}`:                   400,
		`"bucket":"photos","key":"in/a","fields":{"success_action_redirect":"https://evil.example"},"url":""`: 403,
		`"bucket":"photos","key":"in/a","fields":{"acl":"public","ACL":"public-read"}`:                        403,
		`"bucket":"photos","key":"in/a","minLength":2,"maxLength":1`:                                          400,
		`"bucket":"photos","key":"in/a","url":"http://photos.s3.eu-west-1.amazonaws.com/"`:                    400,
	} {
		body := `{` + fields
		if !strings.Contains(fields, `"region"`) {
			body += `,"region":"eu-west-1"`
		}
		w := server.post("/v1/s3/post-policy", body+`}`)
		if w.Code != status {
			t.Errorf("%s: got %d %s, want %d", fields, w.Code, w.Body, status)
		}
		if w.Code == http.StatusOK && strings.ContainsAny(w.Body.String(), "\r\n\x00") {
			t.Errorf("%s: the response holds a line break", fields)
		}
	}
}

// A table of cases would prove nothing if it were read differently from requests.
func TestPolicyRequest_IsWhatTheServiceDecidesOn(t *testing.T) {
	var asking handlers.Options
	server := newServer(t, func(o *handlers.Options) { asking = *o })
	for action, test := range map[access.Action]struct{ path, body string }{
		access.ActionSign: {
			"/v1/sign",
			`{"method":"PUT","url":"https://photos.s3.eu-west-1.amazonaws.com/in//a b?x=1","headers":{"x-amz-acl":"private"},"body":"x"}`,
		},
		access.ActionPresign: {"/v1/presign", `{"method":"GET","url":"https://photos.s3.eu-west-1.amazonaws.com/in/a","expiresInSeconds":60}`},
		access.ActionVerify: {
			"/v1/verify",
			`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/q?a=1","payloadSha256":"` + strings.Repeat("0", 64) + `"}`,
		},
		access.ActionPostPolicy: {
			"/v1/s3/post-policy", `{"bucket":"a.photos","key":"in/${filename}","region":"eu-west-1","fields":{"acl":"private"}}`,
		},
	} {
		if w := server.post(test.path, test.body); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", test.path, w.Code, w.Body)
		}
		record := server.audit.list[len(server.audit.list)-1]
		asked, err := handlers.New(asking).PolicyRequest(action, []byte(test.body))
		if err != nil {
			t.Fatalf("%s: %v", action, err)
		}
		want := access.NewRecord(access.Question{Action: action, Request: asked}, access.Decision{Allowed: true})
		if got := record; got.Action != action || got.Method != want.Method || got.Host != want.Host || got.Path != want.Path ||
			got.Service != want.Service || got.Region != want.Region || got.Payload != want.Payload ||
			strings.Join(got.QueryKeys, "&") != strings.Join(want.QueryKeys, "&") {
			t.Errorf("%s: the service saw %+v, the test %+v", action, got, want)
		}
	}
}

func TestABodyToVerifyIsGivenOnce(t *testing.T) {
	server := newServer(t, nil)
	w := server.post("/v1/verify", `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","body":"a","bodyBase64":"Yg=="}`)
	if got := server.problem(w, 400); got.Code != "fields_conflict" {
		t.Errorf("got %+v", got)
	}
}
