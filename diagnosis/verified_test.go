package diagnosis_test

import (
	"slices"
	"testing"
	"time"

	"countersign/diagnosis"
	"countersign/signing"
)

// Faults found by verifying have the same causes as in a diagnosis.
func TestCauseOf_Mismatches(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	keys := signing.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")
	session := signing.NewCredentials("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "EXAMPLETOKEN")
	const scope = "Credential=AKIDEXAMPLE/20260131/eu-west-1/sqs/aws4_request, "
	const rest = "SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000"
	const query = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260131%2Feu-west-1%2Fs3%2Faws4_request&" +
		"X-Amz-SignedHeaders=host&X-Amz-Signature=00"
	dated := signing.Header{Name: "X-Amz-Date", Value: "20260131T120000Z"}
	authorized := func(value string, more ...signing.Header) []signing.Header {
		return append([]signing.Header{{Name: "Authorization", Value: value}}, more...)
	}
	for name, test := range map[string]struct {
		query    string
		headers  []signing.Header
		expected signing.Expected
		hash     string
		cause    diagnosis.Cause
	}{
		"nothing":           {cause: "no-signature"},
		"bearer":            {headers: authorized("Bearer EXAMPLE", dated), cause: "not-sigv4"},
		"another algorithm": {headers: authorized("AWS5-HMAC-SHA256 "+scope+rest, dated), cause: "not-sigv4"},
		"twice": {
			query: query + "&X-Amz-Date=20260131T120000Z", headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated),
			cause: "two-signatures",
		},
		"no signed headers": {headers: authorized("AWS4-HMAC-SHA256 "+scope+"Signature=00", dated), cause: "malformed-authorization"},
		"four parts": {
			headers: authorized("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/sqs/aws4_request, "+rest, dated),
			cause:   "malformed-credential",
		},
		"another ending": {
			headers: authorized("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/eu-west-1/sqs/aws4, "+rest, dated),
			cause:   "wrong-terminator",
		},
		"another day": {
			headers: authorized("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260130/eu-west-1/sqs/aws4_request, "+rest, dated),
			cause:   "wrong-scope-date",
		},
		"another service": {
			headers:  authorized("AWS4-HMAC-SHA256 "+scope+rest, dated),
			expected: signing.Expected{Scope: signing.Scope{Service: "sns"}}, cause: "wrong-service",
		},
		"another region": {
			headers:  authorized("AWS4-HMAC-SHA256 "+scope+rest, dated),
			expected: signing.Expected{Scope: signing.Scope{Region: "eu-west-2"}}, cause: "wrong-region",
		},
		"no date": {headers: authorized("AWS4-HMAC-SHA256 " + scope + rest), cause: "missing-date"},
		"a date in words": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, signing.Header{Name: "Date", Value: "Sat, 31 Jan 2026 12:00:00 GMT"}),
			cause:   "missing-date",
		},
		"too late": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated), expected: signing.Expected{Time: now.Add(time.Hour)},
			cause: "stale-signature",
		},
		"too early": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated), expected: signing.Expected{Time: now.Add(-time.Hour)},
			cause: "clock-ahead",
		},
		"a URL that is over": {
			query: query + "&X-Amz-Date=20260131T120000Z&X-Amz-Expires=60", expected: signing.Expected{Time: now.Add(time.Hour)},
			cause: "presign-expired",
		},
		"a URL that is early": {
			query: query + "&X-Amz-Date=20260131T120000Z&X-Amz-Expires=60", expected: signing.Expected{Time: now.Add(-time.Hour)},
			cause: "presign-not-yet",
		},
		"a URL for long": {
			query: query + "&X-Amz-Date=20260131T120000Z&X-Amz-Expires=700000", expected: signing.Expected{S3Style: true},
			cause: "presign-lifetime",
		},
		"a URL for ever": {query: query + "&X-Amz-Date=20260131T120000Z&X-Amz-Expires=x", cause: "presign-lifetime"},
		"host is not signed": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+"SignedHeaders=x-amz-date, Signature=00", dated), cause: "host-not-signed",
		},
		"x-amz-acl is not signed": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated, signing.Header{Name: "X-Amz-Acl", Value: "private"}),
			cause:   "unsigned-header",
		},
		"x-a is not there": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+"SignedHeaders=host;x-a;x-amz-date, Signature=00", dated),
			cause:   "dropped-header",
		},
		"names are not sorted": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+"SignedHeaders=x-amz-date;host, Signature=00", dated),
			cause:   "signed-headers",
		},
		"another key": {
			headers: authorized("AWS4-HMAC-SHA256 Credential=AKIDOTHER/20260131/eu-west-1/sqs/aws4_request, "+rest, dated),
			cause:   "unknown-key",
		},
		"no token": {
			headers: authorized(
				"AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20260131/eu-west-1/sqs/aws4_request, "+rest, dated,
			), expected: signing.Expected{Credentials: session}, cause: "missing-token",
		},
		"a token beside a key": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated, signing.Header{Name: "X-Amz-Security-Token", Value: "x"}),
			cause:   "token-not-for-key",
		},
		"another body": {
			headers: authorized(
				"AWS4-HMAC-SHA256 "+scope+rest, dated, signing.Header{Name: "X-Amz-Content-Sha256", Value: signing.PayloadHash(nil)},
			), hash: signing.PayloadHash([]byte("x")), cause: "changed-body",
		},
		"no hash": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated, signing.Header{Name: "X-Amz-Content-Sha256", Value: "x"}),
			cause:   "signed-payload",
		},
		"two hosts": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated, signing.Header{Name: "Host", Value: "a.example"}),
			cause:   "changed-host",
		},
		"a header of two": {
			headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated, signing.Header{Name: "A", Value: "a\nb"}), cause: "not-reached",
		},
		"the signature": {headers: authorized("AWS4-HMAC-SHA256 "+scope+rest, dated), cause: "unclear"},
	} {
		t.Run(name, func(t *testing.T) {
			url, err := signing.ParseReceivedURL("https://sqs.eu-west-1.amazonaws.com/" + test.query)
			if err != nil {
				t.Fatal(err)
			}
			if test.expected.Credentials.AccessKeyID == "" {
				test.expected.Credentials = keys
			}
			v := signing.Verify(&signing.Received{Method: "GET", URL: url, Headers: test.headers, PayloadHash: test.hash}, &test.expected)
			var causes []diagnosis.Cause
			for i := range v.Mismatches {
				cause := diagnosis.CauseOf(&v.Mismatches[i], &v.Info)
				if causes = append(causes, cause); !diagnosis.IsCause(cause) {
					t.Errorf("%s is not a cause", cause)
				}
			}
			if !slices.Contains(causes, test.cause) {
				t.Errorf("%v has the causes %v, want %s", v.Mismatches, causes, test.cause)
			}
		})
	}
}
