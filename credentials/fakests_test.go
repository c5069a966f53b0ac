package credentials_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

const (
	exampleKey    = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	roleARN       = "arn:aws:iam::123456789012:role/orders"
)

// fakeSTS imitates STS as a transport, without sockets, so that it works in synctest bubbles and is fast.
type fakeSTS struct {
	now func() time.Time
	// life is how long sessions last if the call specifies no duration.
	life time.Duration
	// response, if set, may return a response that replaces the normal one.
	response func(call) (*http.Response, error)

	mu    sync.Mutex
	calls []call
}

// call is one request to the fake.
type call struct {
	form   url.Values
	header http.Header
	host   string
	number int // starting at 1
	ctx    interface{ Done() <-chan struct{} }
}

func (f *fakeSTS) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	c := call{form: form, header: r.Header.Clone(), host: r.URL.Host, number: len(f.calls) + 1, ctx: r.Context()}
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if f.response != nil {
		if resp, err := f.response(c); resp != nil || err != nil {
			return resp, err
		}
	}
	return f.issue(c), nil
}

// issue responds as STS does if all is well.
func (f *fakeSTS) issue(c call) *http.Response {
	action := c.form.Get("Action")
	if action == "GetCallerIdentity" {
		return f.xml(
			200,
			`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/orders/x</Arn>`+
				`<UserId>AROAEXAMPLE:x</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
		)
	}
	return f.xml(
		200,
		issuedXML(action, fmt.Sprintf("ASIASANDBOX%09d", c.number), exampleSecret, fmt.Sprintf("token-%d", c.number), f.now().Add(f.lasts(c))),
	)
}

func (f *fakeSTS) lasts(c call) time.Duration {
	var s int
	if _, err := fmt.Sscan(c.form.Get("DurationSeconds"), &s); err == nil {
		return time.Duration(s) * time.Second
	}
	return f.life
}

func issuedXML(action, id, secret, token string, expires time.Time) string {
	return fmt.Sprintf(`<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials>`+
		`<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration>`+
		`</Credentials></%[1]sResult></%[1]sResponse>`,
		action, id, secret, token, expires.UTC().Format(time.RFC3339))
}

func (f *fakeSTS) xml(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type":     {"text/xml"},
			"Date":             {f.now().UTC().Format(http.TimeFormat)},
			"X-Amzn-Requestid": {"11111111-2222-3333-4444-555555555555"},
		},
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

func (f *fakeSTS) refuse(status int, code string) *http.Response {
	return f.xml(
		status,
		`<ErrorResponse><Error><Type>Sender</Type><Code>`+code+`</Code><Message>words of STS that nobody is to see</Message></Error>`+
			`<RequestId>11111111-2222-3333-4444-555555555555</RequestId></ErrorResponse>`,
	)
}

func (f *fakeSTS) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

func (f *fakeSTS) last(t *testing.T) call {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.calls) == 0 {
		t.Fatal("STS was not called")
	}
	return f.calls[len(f.calls)-1]
}

func newFake(now func() time.Time) *fakeSTS { return &fakeSTS{now: now, life: time.Hour} }

func keys() signing.Credentials { return signing.NewCredentials(exampleKey, exampleSecret, "") }

// orders returns the profile that most tests use: static keys and a role.
func orders() credentials.Profile {
	return credentials.Profile{
		Name: "orders", Region: "eu-west-1", Source: credentials.SourceStatic, Keys: keys(),
		AssumeRole: &credentials.AssumeRole{RoleARN: roleARN},
	}
}

// open creates a store that is closed at the end of the test.
func open(t *testing.T, o credentials.Options) *credentials.Store {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := credentials.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}
