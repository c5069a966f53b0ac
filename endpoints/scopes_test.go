package endpoints_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"countersign/endpoints"
)

func TestWriteScopes(t *testing.T) {
	in := "https://sqs.eu-west-1.amazonaws.com/123456789012/orders?Action=SendMessage\n" +
		"sqs.eu-west-1.amazonaws.com\r\n" +
		"\n" +
		"wss://abc-ats.iot.eu-west-1.amazonaws.com/mqtt#part\n" +
		"sns.eu-west-1.amazonaws.com?to=https://sqs.eu-west-1.amazonaws.com\n" +
		"x.mrap.accesspoint.s3-global.amazonaws.com\n" +
		"photos.s3-accelerate.amazonaws.com\n" +
		"codecatalyst.global.api.aws\n" +
		"b.s3-website.eu-central-1.amazonaws.com\n" +
		"https://user@sqs.eu-west-1.amazonaws.com/\n" +
		"a\tb\n" +
		"  iam.amazonaws.com" // no line feed at the end
	want := []string{
		"https://sqs.eu-west-1.amazonaws.com/123456789012/orders?Action=SendMessage\tsqs\teu-west-1\tsigv4",
		"sqs.eu-west-1.amazonaws.com\tsqs\teu-west-1\tsigv4",
		"\t-\t-\tnone",
		"wss://abc-ats.iot.eu-west-1.amazonaws.com/mqtt#part\tiotdevicegateway\teu-west-1\tsigv4",
		"sns.eu-west-1.amazonaws.com?to=https://sqs.eu-west-1.amazonaws.com\tsns\teu-west-1\tsigv4",
		"x.mrap.accesspoint.s3-global.amazonaws.com\ts3\t*\tsigv4a",
		"photos.s3-accelerate.amazonaws.com\ts3\t-\tsigv4",
		"codecatalyst.global.api.aws\tcodecatalyst\t-\tbearer",
		"b.s3-website.eu-central-1.amazonaws.com\t-\t-\tnone",
		"https://user@sqs.eu-west-1.amazonaws.com/\t-\t-\tnone",
		"a b\t-\t-\tnone",
		"  iam.amazonaws.com\tiam\tus-east-1\tsigv4",
	}
	var out bytes.Buffer
	if err := endpoints.WriteScopes(&out, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("WriteScopes writes %d lines for %d: %q", len(got), len(want), got)
	}
	for i, line := range got {
		note := line[strings.LastIndexByte(line, '\t')+1:]
		if strings.TrimSuffix(line, "\t"+note) != want[i] || note == "" {
			t.Errorf("line %d is %q, want %q and a note", i+1, line, want[i])
		}
	}
}

func TestWriteScopes_ReportsReadAndWriteErrors(t *testing.T) {
	broken := errors.New("broken")
	var out bytes.Buffer
	err := endpoints.WriteScopes(&out, &brokenReader{text: "sqs.eu-west-1.amazonaws.com\n", err: broken})
	if !errors.Is(err, broken) {
		t.Errorf("WriteScopes of a broken reader = %v, want its error", err)
	}
	if !strings.HasPrefix(out.String(), "sqs.eu-west-1.amazonaws.com\tsqs\t") {
		t.Errorf("WriteScopes of a broken reader writes %q, want the lines before the error", out.String())
	}
	if err := endpoints.WriteScopes(&out, strings.NewReader(strings.Repeat("a", 1<<17))); err == nil {
		t.Error("WriteScopes accepts a line that is too long")
	}
	if err := endpoints.WriteScopes(brokenWriter{broken}, strings.NewReader("a\n")); !errors.Is(err, broken) {
		t.Errorf("WriteScopes to a broken writer = %v, want its error", err)
	}
}

type brokenReader struct {
	text string
	err  error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.text == "" {
		return 0, r.err
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	return n, nil
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
