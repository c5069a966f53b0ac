package credentials

import (
	"errors"
	"strings"
	"testing"
)

func TestDetail_KeepsTheSentenceWithoutSecrets(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	for in, want := range map[string]string{
		"api error AccessDenied: User: arn:aws:sts::123456789012:assumed-role/partners/orders-service/countersign-my-flow is not " +
			"authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/orders": "=",
		`Post "https://sts.eu-west-1.amazonaws.com/": dial tcp 10.0.0.1:443: connect: connection refused`: "=",
		"two\nlines\tand \x1b[31mcolour": "two lines and [31mcolour",
		"it got " + secret + ".":         "it got [removed]",
		"header x-amz-security-token:IQoJb3JpZ2luX2VjEXAMPLE0000000000000000000000==, Bearer " +
			"eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.c2lnbmF0dXJl": "header x-amz-security-token:[removed], Bearer [removed]",
		"a short one: p@ss":                "a short one: [removed]",
		strings.Repeat("é ", 400):          strings.Repeat("é ", 200) + "…",
		strings.Repeat("a ", 299) + secret: strings.Repeat("a ", 299) + "[r…",
	} {
		if want == "=" {
			want = in
		}
		if got := detail(errors.New(in), "p@ss", ""); got != want {
			t.Errorf("detail(%q)\n= %q, want\n  %q", in, got, want)
		}
	}
}

// The output of credential_process contains keys, even if it is not the JSON that it should be.
func TestDetail_OmitsProcessOutput(t *testing.T) {
	err := errors.New(`process provider error: parse failed of process output: SecretAccessKey=shortkey , error: invalid character 'S'`)
	if got := detail(err); strings.Contains(got, "shortkey") || !strings.Contains(got, "parse failed of process output") {
		t.Error(got)
	}
}
