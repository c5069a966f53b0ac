package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/handlers"
	"countersign/signing"
)

// endingWithToken is the session of a caller whose token expires after left, while AWS accepts the session for
// longer.
func endingWithToken(left time.Duration) fakeSessions {
	return fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
		return credentials.Session{
			Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Expires: signedAt.Add(left), Profile: "orders", AsCaller: true,
			IdentityID: "eu-west-1:11111111-2222-3333-4444-555555555555",
		}, nil
	}}
}

func TestAsCaller_NothingIssuedOutlivesTheToken(t *testing.T) {
	const left = 4 * time.Minute
	end := signedAt.Add(left)
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions, o.AllowSigningTime = endingWithToken(left), true
		o.Policy = policyOf(t, `permit (principal, action, resource)
			when { resource.service == "sts" && resource.headers.contains("x-k8s-aws-id") };
			permit (principal, action, resource) when { resource.service == "rds-db" }; permit (principal, action, resource);`)
	})
	type ends struct {
		ExpiresAt time.Time
		Policy    string
	}
	const get = `{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a"`
	for path, body := range map[string]string{
		"/v1/presign":        get + `,"expiresInSeconds":604800}`,
		"/v1/s3/post-policy": `{"bucket":"b","key":"k","region":"eu-west-1"}`,
		"/v1/tokens": `{"kind":"rds","endpoint":"orders.a1b2c3d4e5f6.eu-west-1.rds.amazonaws.com:5432","user":"reader",` +
			`"region":"eu-west-1"}`,
	} {
		w := server.post(path, body)
		got := decodeAs[ends](t, w.Body)
		if w.Code != http.StatusOK || !got.ExpiresAt.Equal(end) ||
			got.Policy != "" && !strings.Contains(got.Policy, `"expiration":"`+end.Format("2006-01-02T15:04:05")) {
			t.Errorf("%s: %d, until %v, want %v: %s", path, w.Code, got.ExpiresAt, end, got.Policy)
		}
	}
	w := server.post("/v1/tokens", `{"kind":"eks","endpoint":"sts.eu-west-1.amazonaws.com","user":"cluster","region":"eu-west-1"}`)
	if got := server.problem(w, 401); got.Code != "login_expired" || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("a token that a cluster accepts for a quarter of an hour: %+v, %v", got, w.Header())
	}
	w = server.post("/v1/presign", `{"method":"GET","url":"https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",`+
		`"headers":{"x-k8s-aws-id":"cluster"},"expiresInSeconds":60}`)
	if got := server.problem(w, 401); got.Code != "login_expired" {
		t.Errorf("the same by presigning: %+v", got)
	}
	for _, path := range []string{"/v1/sign", "/v1/presign"} {
		for at, status := range map[time.Duration]int{left - 2*time.Second: 200, left: 400, left + time.Hour: 400} {
			w := server.post(path, get+`,"signingTime":"`+signedAt.Add(at).Format(time.RFC3339)+`"}`)
			if w.Code != status {
				t.Errorf("%s, signed %v from now: %d %s, want %d", path, at, w.Code, w.Body, status)
			}
		}
	}
	if r := server.audit.list[0]; r.IdentityID == "" || r.AccessKeyID != accessKeyID {
		t.Errorf("the record lacks identity or access key: %+v", r)
	}
}

// The time of step 1 may be five minutes off, but not after the token's expiry.
func TestAsCaller_NoStepSignsForLater(t *testing.T) {
	const left = 2 * time.Minute
	first := newServer(t, func(o *handlers.Options) {
		o.Now = func() time.Time { return signedAt.Add(4 * time.Minute) }
		o.Sessions = endingWithToken(time.Hour)
	})
	document := encode(t, first.walk(step{"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/"},
		"canonical-request", "string-to-sign"))
	for end, status := range map[time.Duration]int{left: 400, time.Hour: 200} {
		server := newServer(t, func(o *handlers.Options) { o.Sessions = endingWithToken(end) })
		if w := server.post("/v1/steps/signature", document); w.Code != status {
			t.Errorf("%v before the token's end: %d %s, want %d", end, w.Code, w.Body, status)
		}
	}
}
