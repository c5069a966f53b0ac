package diagnosis_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"countersign/diagnosis"
	"countersign/signing"
)

// A paste may hold AWS's canonical request and a body, but no request. The body is then tried as the one that was
// signed.
func TestDiagnose_BodyAndRefusalWithoutRequest(t *testing.T) {
	key := signing.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")
	hashOf := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	body := `{"order": 1042}`
	canonical := func(payload string) string {
		return "PUT\n/in/order.json\n\nhost:examplebucket.s3.eu-west-1.amazonaws.com\nx-amz-date:20261129T120000Z\n\nhost;x-amz-date\n" + payload
	}
	toSign := func(canonical string) string {
		return "AWS4-HMAC-SHA256\n20261129T120000Z\n20261129/eu-west-1/s3/aws4_request\n" + hashOf(canonical)
	}
	arrived := canonical(hashOf(`{"order":1042}`))
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	derived, err := signing.DeriveKey(signing.HMAC, key, at, signing.Scope{Service: "s3", Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	signature, err := derived.Sign(toSign(canonical(hashOf(body))))
	if err != nil {
		t.Fatal(err)
	}
	paste := "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature " +
		"you provided. Check your key and signing method.</Message><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>" + toSign(arrived) +
		"</StringToSign><SignatureProvided>" + signature + "</SignatureProvided><CanonicalRequest>" + arrived +
		"</CanonicalRequest></Error>\n\nThis was the body:\n" + body + "\n"
	report := diagnosis.Diagnose(t.Context(), diagnosis.Input{Paste: paste, Credentials: key})
	if got := report.Verdicts[0]; got.Place != "body" || !strings.Contains(got.Reason, "body") {
		t.Errorf("%s at %s: %s", got.Cause, got.Place, got.Reason)
	}
}
