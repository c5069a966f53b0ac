package reading

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

const (
	canaryToken  = "IQoJb3JpZ2luX2VjEXAMPLECANARY/0123+456789=="
	canarySecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	canaryBearer = "c4n4ry.bearer-0123456789"
	canaryCookie = "session=c4n4ryc00kie; theme=c4n4ry"
	canaryKey    = "c4n4ry4p1k3y0123456789=="
)

var canaries = []string{canaryToken, canarySecret, canaryBearer, "c4n4ry", "Y2FuYXJ5OnB3MTIzNDU2"}

func TestRedacted_RemovesEverySecret(t *testing.T) {
	s := &sample{
		Method: "POST", URL: "https://h.example/a?X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLECANARY%2F0123%2B456789%3D%3D&x=1",
		Body: "a=1", Status: 403, Content: `{"message":"x"}`,
	}
	s.Headers = []pair{
		{"X-Amz-Security-Token", canaryToken},
		{"Authorization", "Bearer " + canaryBearer},
		{"Cookie", canaryCookie},
		{"x-api-key", canaryKey},
		{"x-functions-key", canaryKey},
		{"Proxy-Authorization", "Basic Y2FuYXJ5OnB3MTIzNDU2"},
		{"X-Amz-Date", "20261128T190748Z"},
	}
	s.ResponseHeaders = []pair{{"Set-Cookie", canaryCookie}, {"x-amzn-RequestId", "c5ffe859"}}
	r := rand.New(rand.NewPCG(5, 5))
	for i := range writtenForms {
		f := &writtenForms[i]
		own := *s
		paste := f.write(r, &own)
		if f.form == FormCurlBash || f.form == FormCurlCmd {
			continue // this one quotes at random places; below, text is quoted as people do
		}
		noCanary(t, f.name, paste)
	}
	for name, paste := range map[string]string{
		"curl": `curl 'https://h.example' -H 'X-Amz-Security-Token: ` + canaryToken + `' -H "Authorization: Bearer ` + canaryBearer +
			`" -b '` + canaryCookie + `' -H 'x-api-key: ` + canaryKey + `'`,
		"curl with login": `curl -u c4n4ryuser:c4n4rypass https://h.example --aws-sigv4 aws:amz:eu-west-1:s3 ` +
			`-u AKIAIOSFODNN7EXAMPLE:` + canarySecret,
		"curl escaped":  `curl $'https://h.example' -H $'x-amz-security-token: ` + strings.ReplaceAll(canaryToken, "/", `\u002f`) + `'`,
		"cmd":           `curl ^"https://h.example^" -H ^"X-Amz-Security-Token: ` + canaryToken + `^" -H ^"cookie: ` + canaryCookie + `^"`,
		"bearer option": `curl --oauth2-bearer ` + canaryBearer + ` https://h.example`,
		"bytes of Python": `{'X-Amz-Security-Token': b'` + canaryToken + `', 'Cookie': b"` + canaryCookie + `", ` +
			`"x-api-key": b'` + canaryKey + `'}`,
		"bytes within a log": `{"headers":"{'X-Amz-Security-Token': b\\"` + canaryToken + `\\", 'x-api-key': b\'` + canaryKey + `\'}"}`,
		"login in the URL":   `curl https://c4n4ryuser:c4n4rypass@h.example/a`,
	} {
		noCanary(t, name, strings.ReplaceAll(paste, "c4n4ryuser", "user"))
	}
}

func noCanary(t *testing.T, name, paste string) {
	t.Helper()
	r := Read(paste)
	checkReading(t, paste, &r)
	redacted := r.Redacted()
	for _, canary := range canaries {
		if strings.Contains(redacted, canary) {
			t.Errorf("%s: %q is left in\n%s", name, canary, redacted)
		}
	}
	for _, n := range r.Notes {
		for _, canary := range canaries {
			if strings.Contains(n.Text, canary) {
				t.Errorf("%s: note %s holds a secret", name, n.Code)
			}
		}
	}
	if printed := fmt.Sprintf("%v %+v %#v", r, r, r.Exchanges); strings.Contains(printed, canarySecret) ||
		strings.Contains(printed, canaryToken) {
		t.Errorf("%s: a printed reading shows a secret", name)
	}
}

func TestRedact(t *testing.T) {
	for _, text := range []string{
		"x-amz-security-token:" + canaryToken + "\nhost:h.example",
		"aws_secret_access_key = " + canarySecret,
		"export AWS_SECRET_ACCESS_KEY=" + canarySecret,
		`"secretAccessKey": "` + canarySecret + `"`,
		`'SessionToken' => '` + canaryToken + `'`,
		`{\"x-amz-security-token\":\"` + strings.ReplaceAll(canaryToken, "/", `\\/`) + `\"}`,
		"<Token-0>" + canaryToken + "</Token-0>",
		"<Token-0>IQoJb3JpZ2luX2VjEXAMPLECANARY/0123 456789== c4n4ry</Token-0>",
		"<SessionToken>" + canaryToken + "</SessionToken>",
		"Authorization: Bearer " + canaryBearer,
		"authorization=" + canaryBearer,
		"Authorization: Token " + canaryBearer,
		`"Authorization":"Basic Y2FuYXJ5OnB3MTIzNDU2"`,
		"Cookie: " + canaryCookie,
		"https://h.example/a?code=" + canaryKey + "&x=1",
		"https://h.example/a?x=1&X-Amz-Security-Token=" + canaryToken,
		"got eyJhbGciOiJIUzI1NiJ9.c4n4ry.c4n4ry from",
		"x-api-key: " + canaryKey,
		"client_secret=" + canarySecret + "&grant=1",
		"password: c4n4ry",
		"X-Amz-Security-Token: IQoJb3JpZ2luX2VjEXAMPLECANARY/0123 456789aaaaaaaaaaaaaac4n4ry==",
	} {
		got := Redact(text)
		for _, canary := range canaries {
			if strings.Contains(got, canary) {
				t.Errorf("%q\nis left in %q", canary, got)
			}
		}
		if !strings.Contains(got, mask) {
			t.Errorf("nothing was removed from %q", text)
		}
		if again := Redact(got); again != got {
			t.Errorf("%q becomes %q when redacted again", got, again)
		}
	}
	for _, text := range []string{
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261128/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=00",
		"Missing Authentication Token", "The security token included in the request is invalid.", "x-api-key: {{key}}", "NextToken=abc",
		"Authorization header requires 'Credential' " +
			"parameter.", `"x-amz-security-token": "@{body('Sign')?['token']}"`, "SignedHeaders=host;x-amz-security-token",
	} {
		if got := Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestRedacted_TokenInBytesAndBase64(t *testing.T) {
	canonical := "GET\n/\n\nhost:h.example\nx-amz-security-token:" + canaryToken + "\n\n" +
		"host;x-amz-security-token\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	paste := "<Error><Code>SignatureDoesNotMatch</" +
		"Code><CanonicalRequestBytes>" + fmt.Sprintf("% x", canonical) + "</CanonicalRequestBytes></Error>"
	r := Read(paste)
	if got := r.Refusal().CanonicalRequest.Text(); got != canonical {
		t.Fatalf("read %q", got)
	}
	redacted := r.Redacted()
	if strings.Contains(redacted, fmt.Sprintf("% x", canaryToken)) {
		t.Error("the token is left in hex")
	}
	if !strings.Contains(redacted, fmt.Sprintf("% x", "host:h.example")) {
		t.Error("more than the token was removed")
	}
	cases := readCases(t)
	for _, c := range cases {
		for i := range writtenForms {
			f := &writtenForms[i]
			s := c.sample(c.Request)
			if c.Response == nil || c.Request == nil || !f.can(s) || f.form == FormCurlBash || f.form == FormCurlCmd {
				continue
			}
			paste := f.write(rand.New(rand.NewPCG(1, 1)), s)
			r := Read(paste)
			for _, secret := range c.MustNotLeak {
				if strings.Contains(r.Redacted(), secret) && !strings.Contains(paste, "Signature="+secret) {
					t.Errorf("%s as %s: %.12s… is left", c.ID, f.name, secret)
				}
			}
		}
	}
}
