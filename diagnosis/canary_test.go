package diagnosis_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"countersign/diagnosis"
	"countersign/sandbox"
	"countersign/signing"
)

const (
	canaryToken = "IQoJb3JpZ2luX2VjECanary/token+that=must%not//show=="
)

// spellings returns the forms in which a secret could leak.
func spellings(s string) []string {
	return []string{
		s, url.QueryEscape(s), url.PathEscape(s), strings.ReplaceAll(s, "+", " "), strings.ReplaceAll(s, "/", `\/`),
		base64.StdEncoding.EncodeToString([]byte(s)), hex.EncodeToString([]byte(s)),
	}
}

// rightSignature returns what AWS computed, from its own string to sign.
func rightSignature(secret, toSign string) []byte {
	lines := strings.Split(toSign, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(lines[2], "/"), toSign) {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return key
}

// Checks cases and generated requests: the report reveals no secret, no token, and neither the pasted signature nor
// the correct one, in any encoding, wherever the request holds them.
func TestDiagnose_RevealsNoSecrets(t *testing.T) {
	for _, c := range readCases(t) {
		in := c.input()
		if in.Credentials.AccessKeyID != "" {
			checkRevealsNothing(t, c.ID, in, in.Credentials.SecretAccessKey(), in.Credentials.SessionToken())
		}
	}
	seeds := uint64(80)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		in, g := generate(t, seed)
		if in == nil {
			continue
		}
		in.Credentials = signing.NewCredentials(generatedKey, sandbox.SecretAccessKey, canaryToken)
		in.Request.Headers = append(
			in.Request.Headers,
			signing.Header{Name: "X-Amz-Security-Token", Value: canaryToken}, signing.Header{Name: "Cookie", Value: "session=canarycookie12345"},
		)
		in.Request.URL += "&X-Amz-Security-Token=" + url.QueryEscape(canaryToken)
		checkRevealsNothing(t, strings.Join(g.names, " "), *in, sandbox.SecretAccessKey, canaryToken, "canarycookie12345")
	}
}

func checkRevealsNothing(t *testing.T, name string, in diagnosis.Input, secrets ...string) {
	t.Helper()
	report := diagnosis.Diagnose(context.Background(), in)
	text := reportJSON(t, &report)
	if in.Request != nil {
		for _, h := range in.Request.Headers {
			if _, signature, ok := strings.Cut(h.Value, "Signature="); ok {
				secrets = append(secrets, signature)
			}
		}
	}
	if _, toSign, ok := strings.Cut(string(bodyOf(&in)), `String-to-Sign should have been\n'`); ok && in.Credentials.SecretAccessKey() != "" {
		toSign, _, _ = strings.Cut(strings.ReplaceAll(toSign, `\n`, "\n"), "'")
		right := rightSignature(in.Credentials.SecretAccessKey(), toSign)
		secrets = append(secrets, hex.EncodeToString(right), hex.EncodeToString(right[:12]), base64.StdEncoding.EncodeToString(right))
	}
	for _, s := range secrets {
		if s == "" {
			continue
		}
		for _, form := range spellings(s) {
			if strings.Contains(text, form) {
				t.Errorf("%s: the report holds %.4s… of %d characters", name, form, len(form))
			}
		}
	}
}

func bodyOf(in *diagnosis.Input) []byte {
	if in.Response != nil {
		return in.Response.Body
	}
	return []byte(in.Paste)
}

// Tries every secret value of a message in every place, with every refusal.
func TestDiagnose_RevealsNoSecretsFromAnyPlace(t *testing.T) {
	const bearer = "eyJhbGciOiJSUzI1NiJ9.eyJjYW5hcnkiOiJjYW5hcnkifQ.Y2FuYXJ5"
	places := map[string]func(*diagnosis.Request){
		"bearer": func(r *diagnosis.Request) {
			r.Headers = append(r.Headers, signing.Header{Name: "Authorization", Value: "Bearer " + bearer})
		},
		"basic": func(r *diagnosis.Request) {
			r.Headers = append(r.Headers, signing.Header{Name: "Authorization", Value: "Basic " + bearer})
		},
		"bare": func(r *diagnosis.Request) {
			r.Headers = append(r.Headers, signing.Header{Name: "Authorization", Value: bearer})
		},
		"api key": func(r *diagnosis.Request) {
			r.Headers = append(r.Headers, signing.Header{Name: "X-Api-Key", Value: bearer})
		},
		"token header": func(r *diagnosis.Request) {
			r.Headers = append(r.Headers, signing.Header{Name: "X-Amz-Security-Token", Value: bearer})
		},
		"token in the URL":     func(r *diagnosis.Request) { r.URL += "?X-Amz-Security-Token=" + bearer },
		"signature in the URL": func(r *diagnosis.Request) { r.URL += "?X-Amz-Signature=" + bearer },
		"old signature":        func(r *diagnosis.Request) { r.URL += "?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=" + bearer },
		"user":                 func(r *diagnosis.Request) { r.URL = "https://user:" + bearer + "@s3.amazonaws.com/" },
	}
	n := 0
	for place, put := range places {
		for _, w := range wordings {
			for _, form := range []string{"request", "paste"} {
				if n++; testing.Short() && n%10 > 0 { // map order differs each time, so that short runs sample all cases
					continue
				}
				r := request("GET https://abc123.execute-api.eu-west-1.amazonaws.com/prod/orders", "X-Amz-Date: 20261128T190748Z")
				put(r)
				in := diagnosis.Input{Request: r, Response: w.response, Paste: w.paste}
				if form == "paste" {
					in = diagnosis.Input{Response: w.response, Paste: pasted(r) + "\n\n" + w.paste}
				}
				report := diagnosis.Diagnose(context.Background(), in)
				if text := reportJSON(t, &report); strings.Contains(text, bearer) || strings.Contains(text, bearer[:24]) {
					t.Errorf("%s, %s as %s: the report holds it: %.200s", w.name, place, form, text)
				}
			}
		}
	}
}

// pasted writes a request as raw HTTP.
func pasted(r *diagnosis.Request) string {
	var b strings.Builder
	b.WriteString(r.Method + " " + r.URL + " HTTP/1.1\n")
	for _, h := range r.Headers {
		b.WriteString(h.Name + ": " + h.Value + "\n")
	}
	return b.String()
}
