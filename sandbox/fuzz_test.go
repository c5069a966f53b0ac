package sandbox_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/sandbox"
)

// A request that was made without a key's secret is refused in the server's own format.
func FuzzNothingUnsignedIsServed(f *testing.F) {
	const scope = "AWS4-HMAC-SHA256 Credential=" + sandbox.AccessKeyID + "/20260830/us-east-1/"
	for _, service := range []string{"execute-api", "s3", "sts"} {
		f.Add("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", host,
			scope+service+"/aws4_request, SignedHeaders=host;x-amz-date, Signature=0", "20260830T123600Z", "", "")
		f.Add("POST", "/a/../%2e%2F?x", host+":80",
			scope+service+"/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,Signature=0",
			"20260830T123600Z", "AAAA", "Action=AssumeRole&Version=2011-06-15")
	}
	f.Add("GET", "/", "", "Bearer x", "Sun, 30 Aug 2026 12:36:00 GMT", "", "")
	f.Add("GET", "*", host, "AWS4-HMAC-SHA256 Credential=,SignedHeaders=;;,Signature", "", "x", "%zz")
	api, s3 := sandbox.New(fixed(sandbox.Options{})), sandbox.New(fixed(sandbox.Options{Service: "s3"}))
	f.Fuzz(func(t *testing.T, method, target, host, authorization, date, token, body string) {
		for name, h := range map[string]http.Handler{"gateway": api.Gateway(), "gateway of S3": s3.Gateway(), "STS": api.STS()} {
			r := httptest.NewRequest("GET", "/", strings.NewReader(body))
			r.Method, r.RequestURI, r.Host = method, target, host
			r.Header = http.Header{
				"Authorization": {authorization}, "X-Amz-Date": {date},
				"X-Amz-Security-Token": {token}, "X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"},
			}
			got := send(h, r)
			var refusal struct {
				Message string `json:"message"`
				Error   struct{ Code string }
			}
			var err error
			if name == "STS" {
				err = xml.Unmarshal(got.body, &refusal)
			} else {
				err = json.Unmarshal(got.body, &refusal)
			}
			if err != nil || got.status < 400 || got.status >= 500 || refusal.Message == "" && refusal.Error.Code == "" {
				t.Errorf("%s responded with %d %s (%v), want a refusal", name, got.status, got.body, err)
			}
		}
	})
}
