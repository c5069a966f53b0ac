package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"countersign/credentials"
	"countersign/handlers"
	"countersign/signing"
)

func TestScope_UnknownServicesGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	for request, want := range map[string]bool{
		`"url":"https://brandnew.eu-west-1.amazonaws.com/"`:                                        true,
		`"url":"https://streaming-logs.eu-west-1.amazonaws.com/"`:                                  true,
		`"url":"https://brandnew.amazonaws.com/","region":"eu-west-1"`:                             true,
		`"url":"https://brandnew.eu-west-1.amazonaws.com/","region":"eu-west-1"`:                   true,
		`"url":"https://brandnew.eu-west-1.amazonaws.com/","service":"brandnew"`:                   false,
		`"url":"https://sqs.eu-west-1.amazonaws.com/"`:                                             false,
		`"url":"https://lambda.amazonaws.com/","region":"eu-west-1"`:                               false,
		`"url":"https://api.example.com/","service":"brandnew","region":"eu-west-1"`:               false,
		`"url":"https://0123456789abcdef.r2.cloudflarestorage.com/photos/cat.jpg"`:                 false,
		`"url":"https://photos.s3-accelerate.amazonaws.com/cat.jpg","region":"eu-west-1"`:          false,
		`"url":"https://vpce-1a2b-3c4d.brandnew.us-east-1.vpce.amazonaws.com/"`:                    true,
		`"url":"https://brandnew.global.api.aws/","service":"brandnew","region":"us-east-1"`:       false,
		`"url":"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod","region":"eu-west-1"`: false,
	} {
		got := server.sign(`{"method":"GET",` + request + `}`)
		if slices.Contains(got.warningCodes(), "service_guessed") != want {
			t.Errorf("%s: got warnings %v, want service_guessed %t", request, got.warningCodes(), want)
		}
		w := server.post("/v1/presign", `{"method":"GET",`+request+`}`)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"code":"service_guessed"`) != want {
			t.Errorf("presigned %s: got %d %s, want service_guessed %t", request, w.Code, w.Body, want)
		}
	}
	for url, want := range map[string]bool{
		"brandnew.eu-west-1.amazonaws.com": true, "brandnew.amazonaws.com": true, "sqs.eu-west-1.amazonaws.com": false,
		"api.example.com": false,
	} {
		w := server.do(httptest.NewRequest(http.MethodGet, "/v1/scope?url="+url, nil))
		if strings.Contains(w.Body.String(), `"code":"service_guessed"`) != want {
			t.Errorf("the scope of %s is %s, want service_guessed %t", url, w.Body, want)
		}
	}
}

func TestS3CompatibleStores_AreSignedAsS3(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"PUT","url":"https://my.photos.0123456789abcdef.eu.r2.cloudflarestorage.com/a//b=c (1).txt",` +
		`"body":"x"}`)
	if got.Service != "s3" || got.Region != "auto" || got.ScopeSource != "inferred" || len(got.Warnings) != 0 {
		t.Errorf("got %s %s (%s) with %v", got.Service, got.Region, got.ScopeSource, got.Warnings)
	}
	if got.XAmzContentSha256 != got.PayloadSha256 || !strings.HasSuffix(got.URL, "/a//b%3Dc%20%281%29.txt") {
		t.Errorf("got the hash %q and the URL %s, want S3's ways", got.XAmzContentSha256, got.URL)
	}
	got = newServer(t, nil).sign(`{"method":"GET","url":"https://a1b2c.upcloudobjects.com/photos/cat.jpg","region":"europe-1"}`)
	if got.Service != "s3" || got.Region != "europe-1" {
		t.Errorf("a store that does not tell its region: got %s %s", got.Service, got.Region)
	}
	problem := newServer(t, nil).refuse(`{"method":"GET","url":"https://minio.example.com/photos/cat.jpg"}`, 400)
	if problem.Code != "host_not_aws" || len(problem.Errors) != 2 || !strings.Contains(problem.Errors[0].Detail, "S3-compatible store") {
		t.Errorf("an unknown host: got %+v", problem)
	}
	problem = newServer(t, nil).refuse(`{"method":"GET","url":"https://pub-0123.r2.dev/cat.jpg"}`, 400)
	if problem.Code != "host_not_signed" || !strings.Contains(problem.Errors[0].Detail, "without a signature") {
		t.Errorf("a public bucket: got %+v", problem)
	}
}

// Many stores name their regions as AWS does, but there the names mean no partition.
func TestS3CompatibleStores_HaveNoPartition(t *testing.T) {
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{
				Credentials: signing.NewCredentials(accessKeyID, secretKey, token), RoleARN: "arn:aws-cn:iam::123456789012:role/orders",
			}, nil
		}}
	})
	for _, request := range []string{
		`"url":"https://s3.eu-central-1.wasabisys.com/photos/cat.jpg"`,
		`"url":"https://s3.eu-central-1.wasabisys.com/photos/cat.jpg","service":"s3","region":"eu-central-1"`,
		`"url":"https://a1b2c.upcloudobjects.com/photos/cat.jpg","region":"eu-west-1"`,
	} {
		got := server.sign(`{"method":"GET",` + request + `}`)
		if !slices.Equal(got.warningCodes(), []string{"session_differs"}) {
			t.Errorf("%s: got warnings %v, want one of the session of AWS", request, got.Warnings)
		}
	}
	refused := server.refuse(`{"method":"GET","url":"https://s3.eu-central-1.amazonaws.com/photos/cat.jpg"}`, 400)
	if refused.Code != "partition_differs" {
		t.Errorf("AWS itself: got %+v", refused)
	}
	got := newServer(t, nil).sign(`{"method":"GET","url":"https://s3.eu-central-1.wasabisys.com/photos/cat.jpg"}`)
	if len(got.Warnings) != 0 {
		t.Errorf("keys of no role: got %v", got.Warnings)
	}
}

func TestPublicHosts_NeedNoSignature(t *testing.T) {
	for _, host := range []string{
		"checkip.amazonaws.com", "ip-ranges.amazonaws.com", "truststore.pki.rds.amazonaws.com", "docs.aws.amazon.com",
	} {
		got := newServer(t, nil).refuse(`{"method":"GET","url":"https://`+host+`/"}`, 400)
		if got.Code != "host_not_signed" || !strings.Contains(got.Detail, "no signature") ||
			!strings.Contains(got.Errors[0].Detail, "without a signature") {
			t.Errorf("%s: got %+v", host, got)
		}
	}
}

// OpenSearch Serverless refuses signatures over Content-Length.
func TestHeaders_NeverSignedOnesAreLeftOut(t *testing.T) {
	const request = `"method":"POST","url":"https://abcdef.eu-west-1.aoss.amazonaws.com/_search","body":"{}",` +
		`"headers":{"Content-Length":"2","Content-Type":"application/json","X-Name":"a"}`
	server := newServer(t, nil)
	got := server.refuse(`{`+request+`,"signedHeaders":["x-name","Content-Length"]}`, 400)
	if got.Code != "field_invalid" || got.Errors[0].Pointer != "/signedHeaders/1" || !strings.Contains(got.Errors[0].Detail, "aoss refuses") {
		t.Errorf("named: got %+v", got)
	}
	all := server.sign(`{` + request + `,"signAllHeaders":true}`)
	if want := []string{
		"content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-name",
	}; !slices.Equal(all.SignedHeaders, want) {
		t.Errorf("all: signed %v, want %v", all.SignedHeaders, want)
	}
	es := server.sign(strings.ReplaceAll(`{`+request+`,"signAllHeaders":true}`, "aoss", "es"))
	if !slices.Contains(es.SignedHeaders, "content-length") {
		t.Errorf("es: signed %v, want content-length among them", es.SignedHeaders)
	}
	server.sign(strings.ReplaceAll(`{`+request+`,"signedHeaders":["content-length"]}`, "aoss", "es"))
}

// A header that a policy reads is signed, unless the service refuses that: then no policy sees it.
func TestHeaders_NeverSignedOnesAreHiddenFromPolicies(t *testing.T) {
	server := withPolicies(t, `permit (principal, action, resource) when { resource.headers.contains("content-length") };`)
	const request = `{"method":"POST","url":"https://abcdef.eu-west-1.aoss.amazonaws.com/_search","body":"{}",` +
		`"headers":{"Content-Length":"2"}}`
	server.refuse(request, 403)
	if got := server.sign(strings.Replace(request, "aoss", "es", 1)); !slices.Contains(got.SignedHeaders, "content-length") {
		t.Errorf("es: signed %v, want content-length among them", got.SignedHeaders)
	}
}

func TestUnsignedPayload_PartialSupportGetsAWarning(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"POST","url":"https://abcdef.eu-west-1.aoss.amazonaws.com/_search","body":"{}",` +
		`"payload":"unsigned"}`)
	if got.XAmzContentSha256 != "UNSIGNED-PAYLOAD" || !slices.Equal(got.warningCodes(), []string{"payload_unsigned"}) ||
		!strings.Contains(got.Warnings[0].Message, "some calls") {
		t.Errorf("got %s with %v", got.XAmzContentSha256, got.Warnings)
	}
}
