package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"countersign/handlers"
)

// canaries are secrets that must not come out, however they went in.
type canaries struct {
	all []string
	n   int
}

// new makes a secret that is recognised in every spelling: it has only letters and digits.
func (c *canaries) new() string {
	c.n++
	secret := fmt.Sprintf("CANARYxyz%02dEXAMPLEthatMustNotComeOut%02d", c.n, c.n)
	c.all = append(c.all, secret)
	return secret
}

var sixtyFourDigits = regexp.MustCompile(`[0-9a-fA-F]{64}`)

// The test puts secrets wherever refusals, requests and pastes have them.
func TestDiagnose_ShowsNoSecret(t *testing.T) {
	c := &canaries{}
	signature := strings.Repeat("5ec2e7", 10) + "abcd"
	authorization := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date;" +
		"x-amz-security-token, Signature=" + signature
	tokenHere, bearer, basic, cookie, apiKey := c.new(), c.new(), c.new(), c.new(), c.new()
	host := "b.s3.eu-west-1.amazonaws.com"
	canonical := "GET\n/k\n\nhost:" + host + "\nx-amz-date:20150830T123600Z\nx-amz-security-token:" + tokenHere +
		"\n\nhost;x-amz-date;x-amz-security-token\nUNSIGNED-PAYLOAD"
	xml := func(code, more string) string {
		return "<Error><Code>" + code + "</Code><Message>The request signature we calculated does not match the signature you " +
			"provided.</Message>" + more + "</Error>"
	}
	echo := "<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/eu-west-1/s3/" +
		"aws4_request\n" + strings.Repeat("0", 64) +
		"</StringToSign><SignatureProvided>" + signature + "</SignatureProvided><CanonicalRequest>" + canonical +
		"</CanonicalRequest><CanonicalRequestBytes>" + strings.TrimSpace(fmt.Sprintf("% x", canonical)) + "</CanonicalRequestBytes>"
	request := func(authorization string) map[string]any {
		return map[string]any{
			"method": "GET", "url": "https://" + host + "/k",
			"headers": map[string]string{
				"Authorization": authorization, "X-Amz-Date": "20150830T123600Z", "X-Amz-Security-Token": tokenHere, "Cookie": "a=" + cookie,
				"X-API-Key": apiKey,
			},
		}
	}
	response := func(body string) map[string]any { return map[string]any{"status": 403, "body": body} }
	presigned := "https://" + host + "/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&" +
		"X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&" +
		"X-Amz-SignedHeaders=host&X-Amz-Security-Token=" + url.QueryEscape(tokenHere+"/+=") + "&X-Amz-Signature=" + signature
	raw := "GET /k HTTP/1.1\nHost: " + host + "\nX-Amz-Date: 20150830T123600Z\nX-Amz-Security-Token: " + tokenHere + "\nAuthorization: " +
		authorization + "\n\nHTTP/1.1 403 Forbidden\n\n"
	documents := map[string]any{
		"mismatch": map[string]any{"request": request(authorization), "response": response(xml("SignatureDoesNotMatch", echo))},
		"as signed": map[string]any{
			"request": request(authorization), "requestIs": "signed", "response": response(xml("SignatureDoesNotMatch", echo)),
		},
		"and sent": map[string]any{
			"request": request(authorization), "sent": request("Bearer " + bearer), "requestIs": "signed",
			"response": response(xml("SignatureDoesNotMatch", "")),
		},
		"only the response": map[string]any{"response": response(xml("SignatureDoesNotMatch", echo))},
		"a bearer": map[string]any{
			"request": request("Bearer " + bearer),
			"response": response(`{"message":"'` + bearer + `' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer ` +
				bearer + `'."}`),
		},
		"basic": map[string]any{
			"request":  request("Basic " + basic),
			"response": response(`{"message":"Authorization header requires 'Credential' parameter. Authorization=Basic ` + basic + `"}`),
		},
		"a bearer, echoed": map[string]any{
			"response": response(`<Error><Code>InvalidArgument</Code><Message>Unsupported Authorization Type</Message>` +
				`<ArgumentName>Authorization</ArgumentName><ArgumentValue>Bearer ` + bearer + `</ArgumentValue></Error>`),
		},
		"invalid token": map[string]any{
			"request": request(authorization),
			"response": response(`<Error><Code>InvalidToken</Code><Message>The provided token is malformed or otherwise invalid.</Message>` +
				`<Token-0>` + tokenHere + `</Token-0></Error>`),
		},
		"token, only": map[string]any{
			"paste": `<Error><Code>InvalidToken</Code><Message>The provided token is malformed or otherwise invalid.</Message><Token-0>` + c.new() +
				`</Token-0></Error>`,
		},
		"expired token": map[string]any{
			"response": response(`<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message><Token-0>` + c.new() +
				`</Token-0></Error>`),
		},
		"presigned": map[string]any{
			"request": map[string]any{"method": "GET", "url": presigned}, "response": response(xml("AccessDenied", "")),
		},
		"presigned, pasted": map[string]any{"paste": "curl '" + presigned + "'\n" + xml("SignatureDoesNotMatch", echo)},
		"raw":               map[string]any{"paste": raw + xml("SignatureDoesNotMatch", echo)},
		"raw, in a log":     map[string]any{"paste": `{"level":"error","msg":` + encode(t, raw+xml("SignatureDoesNotMatch", echo)) + `}`},
		"malformed": map[string]any{
			"request":  request("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/s3 SignedHeaders=host Signature=" + signature),
			"response": response(`{"message":"Authorization header requires 'Signature' parameter. Authorization=` + authorization + `"}`),
		},
		"signature 2": map[string]any{
			"request": request("AWS AKIDEXAMPLE:" + c.new()), "response": response(xml("SignatureDoesNotMatch", "")),
		},
		"curl, --user": map[string]any{
			"paste": "curl --aws-sigv4 aws:amz:eu-west-1:s3 --user " +
				"AKIDEXAMPLE:" + c.new() + " https://" + host + "/k\n" + xml("SignatureDoesNotMatch", ""),
		},
		"settings": map[string]any{
			"paste": "AWS_SECRET_ACCESS_KEY=" + c.new() + "\nAWS_SESSION_TOKEN=" + c.new() + "\n" + xml("SignatureDoesNotMatch", ""),
		},
		"settings, as JSON": map[string]any{
			"paste": `{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"` + c.new() + `","SessionToken":"` + c.new() + `","error":` +
				encode(t, xml("SignatureDoesNotMatch", "")) + `}`,
		},
		"a code of it": map[string]any{
			"response": response(`{"__type":"` + bearer + `","message":"Bearer ` + bearer + `"}`),
			"request":  request("Bearer " + bearer),
		},
	}
	server := newServer(t, func(o *handlers.Options) { o.AllowCredentials = true })
	held := c.new()
	for name, document := range documents {
		for _, with := range []string{"", "profile", "credentials"} {
			t.Run(name+" "+with, func(t *testing.T) {
				fields := document.(map[string]any)
				delete(fields, "profile")
				delete(fields, "credentials")
				switch with {
				case "profile":
					fields["profile"] = "orders"
				case "credentials":
					fields["credentials"] = map[string]string{"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": held, "sessionToken": tokenHere}
				}
				w := server.post("/v1/diagnose", encode(t, fields))
				if w.Code != http.StatusOK {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				text := w.Body.String()
				for _, secret := range append(c.all, signature, secretKey, token) {
					if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
						t.Errorf("the response holds %.14s…: %s", secret, text)
					}
				}
				for _, digits := range sixtyFourDigits.FindAllString(text, -1) {
					if !strings.Contains(encode(t, fields), digits) && !strings.HasPrefix(digits, "e3b0c442") {
						t.Errorf("the response holds %s, which is made here", digits)
					}
				}
			})
		}
	}
}

// The same for all cases, whose secrets, tokens and signatures are real ones of throwaway keys.
func TestDiagnose_ShowsNoSecretOfTheCases(t *testing.T) {
	server := newServer(t, func(o *handlers.Options) { o.AllowCredentials = true })
	pattern := regexp.MustCompile(`(?i)signature(?:=|"?\s*:\s*"?)([0-9a-f]{64})`)
	for _, c := range refusalCases(t) {
		document := encode(t, c.document())
		text := server.post("/v1/diagnose", document).Body.String()
		var secrets []string
		for _, m := range pattern.FindAllStringSubmatch(document, -1) {
			secrets = append(secrets, m[1])
		}
		if k := c.Credentials; k != nil {
			secrets = append(secrets, k.SecretAccessKey, k.SessionToken)
		}
		for _, secret := range secrets {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%s: the response holds %.8s…", c.ID, secret)
			}
		}
	}
}
