package live_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/upstream"
	"countersign/sending"
)

// Every row runs and finds what it expects at a stand-in that responds as AWS documents, and nothing private is kept.
func TestRows_RunAgainstAStandIn(t *testing.T) {
	aws, err := upstream.Start(http.HandlerFunc(standIn))
	if err != nil {
		t.Fatal(err)
	}
	defer aws.Close()
	environment := map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLEKEY"}
	responses := run(t, "eu-west-1", func(name string) string { return environment[name] }, sending.Options{
		ExtraCAs: aws.CA, Proxy: func(u *url.URL) (*url.URL, error) {
			if strings.Contains(u.Host, "eu-central-9") {
				return nil, errors.New("no such host")
			}
			return aws.ProxyURL, nil
		},
	})
	if len(responses) != 16 { // one is not sent, and one is too large to keep
		t.Errorf("%d responses are kept", len(responses))
	}
	for _, r := range responses {
		if r.Name == "the wrong region" && (r.Service != "sts" || r.Status != 403 || r.Code != "SignatureDoesNotMatch" ||
			r.Headers["content-type"] != "text/xml" || !strings.Contains(r.Body, "<RequestId>EXAMPLE</RequestId>")) {
			t.Errorf("kept %+v", r)
		}
		if kept := fmt.Sprint(r); strings.Contains(kept, "PRIVATE") || strings.Contains(kept, "4444") {
			t.Errorf("kept %s", kept)
		}
	}
}

// standIn responds as STS, DynamoDB and S3 do to the requests of the rows. It checks no signature.
func standIn(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", "44444444-4444-4444-4444-444444444444")
	w.Header().Set("X-Amz-Request-Id", "PRIVATE012345678")
	w.Header().Set("X-Amz-Id-2", strings.Repeat("PRIVATE+/", 8)+"=")
	bucket, _, isBucket := strings.Cut(r.Host, ".s3.")
	switch {
	case strings.HasPrefix(r.Host, "sts."):
		standInSTS(w, r)
	case strings.HasPrefix(r.Host, "dynamodb."):
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		write(w, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException"}`)
	case isBucket && bucket != "noaa-ghcn-pds":
		refuse(w, 404, "NoSuchBucket", "The specified bucket does not exist")
	case strings.Contains(r.Host, "us-west-2"):
		w.Header().Set("X-Amz-Bucket-Region", "us-east-1")
		refuse(w, 301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.")
	case !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/s3/"):
		refuse(w, 400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region is wrong; expecting 'us-east-1'")
	case r.Header.Get("If-Modified-Since") != "":
		w.WriteHeader(http.StatusNotModified)
	case r.Header.Get("Range") != "":
		write(w, http.StatusPartialContent, strings.Repeat("x", 100))
	default:
		write(w, 200, strings.Repeat("x", 4096))
	}
}

func standInSTS(w http.ResponseWriter, r *http.Request) {
	signed, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	switch {
	case time.Since(signed).Abs() > 5*time.Minute:
		refuse(w, 403, "SignatureDoesNotMatch", "Signature expired: it is now earlier than the server's time - 5 min.")
	case !strings.Contains(r.Header.Get("Authorization"), "/"+strings.Split(r.Host, ".")[1]+"/sts/"):
		refuse(w, 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
	case r.Header.Get("Accept") == "application/json":
		w.Header().Set("Content-Type", "application/json")
		write(w, 200, `{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Account":"444444444444",`+
			`"Arn":"arn:aws:sts::444444444444:assumed-role/PRIVATE/PRIVATE","UserId":"AROA4444444444444444X:PRIVATE"}}}`)
	default:
		w.Header().Set("Content-Type", "text/xml")
		write(w, 200, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::444444444444:user/PRIVATE</Arn>"+
			"<UserId>AIDA4444444444444444X</UserId><Account>444444444444</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	write(w, status, "<Error><Code>"+code+"</Code><Message>"+message+"</Message><RequestId>PRIVATE012345678</RequestId></Error>")
}

func write(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
