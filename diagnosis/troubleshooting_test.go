package diagnosis_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"countersign/diagnosis"
)

var update = flag.Bool("update", false, "rewrite docs/troubleshooting.md")

const troubleshooting = "../docs/troubleshooting.md"

// questions are questions that people asked in public without getting an answer, each with the case in
// testdata/cases.json that reproduces it.
var questions = []struct {
	question, told string
	cases          []string
}{
	{
		"My GET works, and PUT with a body says that the signature does not match",
		"The hash of an empty body is hard-coded. It is right for GET, and wrong for any request with a body.",
		[]string{"payload-empty-hash"},
	},
	{
		"I put the signature into the URL, and S3 says that it does not match",
		"A presigned URL of S3 signs the words UNSIGNED-PAYLOAD instead of a hash, since the body is only known when somebody uses the URL.",
		[]string{"presign-payload-empty-hash"},
	},
	{
		"Signature expired: … is now earlier than …",
		"The clock is right, and the signature is old: something waited between signing and sending, or a retry repeated the headers.",
		[]string{"stale-delay", "clock-behind"},
	},
	{
		"The format of value 'AWS4-HMAC-SHA256 …' is invalid",
		"That is not a response from AWS. The HTTP client of .NET refuses to send the header.",
		[]string{"seed003-format-of-value"},
	},
	{
		"It works now and then, or not at all: code that signs by itself for API Gateway",
		"Such code often has two mistakes: the clock is read twice, and the service is called apigateway, which is the name of the " +
			"API that manages APIs.",
		[]string{"two-clocks", "gateway-service"},
	},
}

var chapters = map[diagnosis.Family]string{
	diagnosis.FamilyChanged: "The signature was right for the request as it was signed. Something between the signer and AWS " +
		"changed the request.",
	diagnosis.FamilySigner: "The request arrived as it was sent. The signer computed the signature differently from AWS, or with " +
		"another secret.",
	diagnosis.FamilyForm:  "AWS cannot read the signature, finds none, or the client did not send it.",
	diagnosis.FamilyScope: "The signature is for another region, service or day, or the request went elsewhere.",
	diagnosis.FamilyTime: "The signature is too old or too early by AWS's clock. AWS checks the time first, so nothing else " +
		"has been checked yet.",
	diagnosis.FamilyCredentials: "AWS does not accept the access key or the session token. It has not checked the signature yet.",
	diagnosis.FamilyPermission:  "Usually the signature was right, and something else refuses the request: a policy, an authorizer, a route.",
	diagnosis.FamilyElsewhere:   "Something in front of AWS answered, AWS has other reasons, or the text does not show the cause.",
}

// The page is generated from the table of causes and from diagnoses, so it cannot contradict them.
func TestTroubleshooting_IsGenerated(t *testing.T) {
	want := writeTroubleshooting(t)
	if *update {
		if err := os.WriteFile(troubleshooting, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not up to date with the table of causes; run go test ./diagnosis -run Troubleshooting -update", troubleshooting)
	}
}

func writeTroubleshooting(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# AWS said no: causes and what to do

Every diagnosis names a cause by its id and links to its section here. The page is generated from the table of causes
(` + "`go test ./diagnosis -run Troubleshooting -update`" + `).

A cause is **proved** if a calculation or the request itself shows it, **stated** if AWS says it in words, **likely**
if it fits best, and **open** if the text does not show which it is; then the questions ask for what would. Nothing is called
proved from a paste that somebody edited. These prove most: the request as it was signed or sent, the whole response of AWS, and the
profile that signed. [Errors](errors.md#diagnoses) lists what else helps. A diagnosis shows no secret, no token and no signature.

## Questions that people ask

`)
	for _, q := range questions {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", q.question, q.told)
		for _, id := range q.cases {
			writeReport(t, &b, id)
		}
	}
	for _, family := range diagnosis.Families() {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", family, chapters[family])
		for _, c := range diagnosis.Causes() {
			if c.Family == family {
				writeCause(&b, &c)
			}
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// writeReport writes the diagnosis of a case.
func writeReport(t *testing.T, b *strings.Builder, id string) {
	t.Helper()
	cases := readCases(t)
	at := slices.IndexFunc(cases, func(c caseFile) bool { return c.ID == id })
	if at < 0 {
		t.Fatalf("case %s does not exist", id)
	}
	report := diagnosis.Diagnose(context.Background(), cases[at].input())
	v := report.Verdicts[0]
	fmt.Fprintf(b, "Reproduced, the diagnosis is [%s](#%s), %s:\n\n> %s\n", v.Cause, v.Cause, v.Certainty, v.Title+" "+v.Reason)
	for _, e := range v.Evidence {
		fmt.Fprintf(b, ">\n> - %s as signed: `%s`\n> - %s as AWS sees it: `%s`\n", e.Part, e.Signed, e.Part, orNothing(e.Arrived))
	}
	fmt.Fprintf(b, "\nIn a workflow: %s\n\nIn code: %s\n\n", v.FixInWorkflow, v.FixInCode)
}

func orNothing(s string) string {
	if s == "" {
		return " "
	}
	return s
}

func writeCause(b *strings.Builder, c *diagnosis.CauseInfo) {
	fmt.Fprintf(
		b, "### %s\n\n**%s** %s\n\n- How to tell: %s\n- In a workflow: %s\n- In code: %s\n", c.ID, c.Title, c.Means, c.Decides,
		c.FixInWorkflow, c.FixInCode,
	)
	if len(c.Details) > 0 {
		b.WriteString("\nDetails: ")
		for i, d := range c.Details {
			if i > 0 {
				b.WriteString("; ")
			}
			fmt.Fprintf(b, "`%s` %s", d.ID, d.Title)
		}
		b.WriteString(".\n")
	}
	b.WriteString("\n")
}

func TestCauses_AreComplete(t *testing.T) {
	seen := map[diagnosis.Cause]bool{}
	for _, c := range diagnosis.Causes() {
		if seen[c.ID] {
			t.Errorf("%s is listed twice", c.ID)
		}
		seen[c.ID] = true
		if !slices.Contains(diagnosis.Families(), c.Family) || c.Side == "" || c.Most == "" || !strings.HasSuffix(c.Title, ".") ||
			c.Means == "" || c.Decides == "" || c.FixInWorkflow == "" || c.FixInCode == "" {
			t.Errorf("%s has an empty field", c.ID)
		}
		details := map[string]bool{}
		for _, d := range c.Details {
			if details[d.ID] || d.Title == "" {
				t.Errorf("%s: the detail %s is listed twice or has no title", c.ID, d.ID)
			}
			details[d.ID] = true
		}
	}
	for _, id := range strings.Fields(`
		changed-method changed-path changed-query changed-host changed-header dropped-header changed-body unsigned-header signed-path
		signed-query signed-headers signed-payload signed-time signed-string signed-key signature-form wrong-secret no-signature
		not-sigv4 sigv2 two-signatures malformed-authorization malformed-credential host-not-signed missing-payload-hash-header
		missing-date wrong-algorithm client-refused-header wrong-region wrong-service wrong-scope-date wrong-terminator
		wrong-endpoint clock-behind clock-ahead local-time stale-signature presign-expired presign-lifetime presign-not-yet
		unknown-key missing-token invalid-token token-not-for-key foreign-token expired-token denied-identity
		denied-explicit-identity denied-resource denied-explicit-resource denied-scp denied-rcp denied-boundary denied-session
		denied-endpoint denied-trust denied-function-url denied-aoss denied-api-key denied-unspecified not-subscribed region-disabled
		other-authorizer unknown-route waf-blocked front-refused proxy-page not-reached throttled aws-fault signature-right unclear`) {
		if !seen[diagnosis.Cause(id)] {
			t.Errorf("%s is missing", id)
		}
		delete(seen, diagnosis.Cause(id))
	}
	for id := range seen {
		t.Errorf("%s is new: add it to this list", id)
	}
}
