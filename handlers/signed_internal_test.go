package handlers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"countersign/broker"
	"countersign/signing"

	jsonv2 "github.com/go-json-experiment/json"
)

var responses100000 = flag.Bool("responses", false, "compare 100,000 random responses instead of 2,000")

// signedFields and presignedFields are the responses as tagged structs.
type signedFields struct {
	Method            string            `json:"method"`
	URL               string            `json:"url"`
	Headers           map[string]string `json:"headers"`
	HeaderList        []sentHeader      `json:"headerList"`
	Authorization     string            `json:"authorization"`
	XAmzDate          string            `json:"xAmzDate"`
	XAmzSecurityToken string            `json:"xAmzSecurityToken,omitzero"`
	XAmzContentSHA256 string            `json:"xAmzContentSha256,omitzero"`
	bodyTags
	scopeTags
	ExpiresAt   time.Time    `json:"expiresAt"`
	AccessKeyID string       `json:"accessKeyId"`
	Profile     string       `json:"profile,omitzero"`
	Warnings    []warning    `json:"warnings"`
	Explanation *explanation `json:"explanation,omitzero"`
}

type presignedFields struct {
	Method     string            `json:"method"`
	URL        string            `json:"url"`
	Headers    map[string]string `json:"headers"`
	HeaderList []sentHeader      `json:"headerList"`
	bodyTags
	scopeTags
	ExpiresInSeconds int64        `json:"expiresInSeconds"`
	ExpiresAt        time.Time    `json:"expiresAt"`
	AccessKeyID      string       `json:"accessKeyId"`
	Profile          string       `json:"profile,omitzero"`
	Warnings         []warning    `json:"warnings"`
	Explanation      *explanation `json:"explanation,omitzero"`
}

type bodyTags struct {
	Body         *string   `json:"body,omitzero"`
	BodyBase64   *string   `json:"bodyBase64,omitzero"`
	BodyEnvelope *envelope `json:"bodyEnvelope,omitzero"`
}

type scopeTags struct {
	PayloadSHA256 string            `json:"payloadSha256"`
	Service       string            `json:"service"`
	Region        string            `json:"region"`
	Algorithm     signing.Algorithm `json:"algorithm"`
	ScopeSource   string            `json:"scopeSource"`
	Options       usedOptions       `json:"options"`
	SignedHeaders []string          `json:"signedHeaders"`
	SignedAt      time.Time         `json:"signedAt"`
}

// byTags is the response as an encoder writes it by struct tags.
func byTags(t *testing.T, s *broker.Result) []byte {
	t.Helper()
	var body bodyTags
	body.Body, body.BodyBase64, body.BodyEnvelope = bodyFields(s.Body, s.MediaType)
	scope := scopeTags{
		PayloadSHA256: s.PayloadHash, Service: s.Scope.Service, Region: s.Scope.Region, Algorithm: s.Algorithm,
		ScopeSource: scopeSource(s), Options: optionsOf(s), SignedHeaders: s.SignedHeaders, SignedAt: s.SignedAt,
	}
	var response any = &presignedFields{
		s.Method, s.URL, headerMap(s.Headers), sentHeaders(s.Headers), body, scope, int64(s.Expires / time.Second), s.ExpiresAt,
		s.AccessKeyID, s.Profile, warningsOf(s.Warnings), newExplanation(s.Explanation),
	}
	if s.Authorization != "" {
		signed := &signedFields{
			s.Method, s.URL, headerMap(s.Headers), sentHeaders(s.Headers), s.Authorization, s.Date, "", "", body, scope, s.ExpiresAt,
			s.AccessKeyID, s.Profile, warningsOf(s.Warnings), newExplanation(s.Explanation),
		}
		for _, h := range s.Headers {
			switch strings.ToLower(h.Name) {
			case "x-amz-security-token":
				signed.XAmzSecurityToken = h.Value
			case "x-amz-content-sha256":
				signed.XAmzContentSHA256 = h.Value
			}
		}
		response = signed
	}
	text, err := jsonv2.Marshal(response, jsonv2.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSignedResponse_EqualsEncodingByTags(t *testing.T) {
	random, n := rand.New(rand.NewPCG(3, 4)), 2000
	if *responses100000 {
		n = 100_000
	}
	large := 0
	for range n {
		s := randomResult(random)
		got, err := SignedDocument(s)
		if err != nil {
			t.Fatal(err)
		}
		// In web page scripts two line separators are escaped, which a plain JSON encoder leaves as they are.
		want := strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`).Replace(string(byTags(t, s)))
		if string(got) != want {
			t.Fatalf("got  %.3000s\nwant %.3000s", got, want)
		}
		if len(got) > 200<<10 {
			large++
		}
	}
	if large == 0 {
		t.Error("no response was large")
	}
}

func randomResult(r *rand.Rand) *broker.Result {
	texts := func() (list []string) {
		for range r.IntN(4) {
			list = append(list, randomText(r))
		}
		return list
	}
	at := func() time.Time { return time.Unix(r.Int64N(1<<33), 0).UTC() }
	s := &broker.Result{
		Method: randomText(r), URL: randomText(r), Body: broker.Body{Present: r.IntN(4) > 0, Text: r.IntN(2) == 0}, MediaType: randomText(r),
		PayloadHash: randomText(r), Scope: signing.Scope{Service: randomText(r), Region: randomText(r)}, Algorithm: signing.HMAC,
		Inferred: r.IntN(2) == 0, Normalized: r.IntN(2) == 0, DoubleEncode: r.IntN(2) == 0, Token: signing.TokenMode(randomText(r)),
		SignedHeaders: append([]string{"host"}, texts()...), SignedAt: at(), ExpiresAt: at(), Expires: time.Duration(r.IntN(1e6)) * time.Second,
		AccessKeyID: randomText(r), Profile: oneOf(r, "", randomText(r)), ContentSHA256Header: r.IntN(2) == 0,
		Authorization: oneOf(r, "", "AWS4-HMAC-SHA256 "+randomText(r)), Date: randomText(r),
	}
	for range r.IntN(6) {
		name := oneOf(r, "Accept", "X-Amz-Security-Token", "x-amz-security-token", "X-Amz-Content-Sha256", "x-b", "é"+randomText(r))
		s.Headers = append(s.Headers, signing.Header{Name: name, Value: randomText(r)})
	}
	for range r.IntN(3) {
		s.Warnings = append(s.Warnings, signing.Warning{Code: randomText(r), Message: randomText(r)})
	}
	if r.IntN(5) == 0 {
		s.Explanation = &broker.Explanation{CanonicalRequest: "a\nb", Signature: "c"}
	}
	size := r.IntN(300)
	if r.IntN(200) == 0 {
		size = 40_000 + r.IntN(100_000)
	}
	for len(s.Body.Bytes) < size {
		s.Body.Bytes = append(s.Body.Bytes, randomText(r)...)
		if !s.Body.Text {
			s.Body.Bytes = append(s.Body.Bytes, byte(r.IntN(256)))
		}
	}
	return s
}

func oneOf[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteString(oneOf(r, "plain", `"`, `\`, "<&>", "é", "€", "😀", "\u2028", "\u2029", "\n", "\x00", "\x1f", "\x7f", "a b/c=",
			string(rune(r.IntN(0xd800)))))
	}
	return b.String()
}

// Each choice removes fields from the full response, and adds none.
func TestSignedResponse_ShortIsPartOfFull(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		s := randomResult(random)
		var full map[string]any
		if text, err := SignedDocument(s); err != nil || json.Unmarshal(text, &full) != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := output{short: random.IntN(2) == 0, form: oneOf(random, "", "text", "base64", "envelope", "none")}
		a := newSignedResponse(s)
		a.choose(want)
		text, err := documentOf(a)
		var got map[string]any
		if err != nil || json.Unmarshal(text, &got) != nil {
			t.Fatalf("%s: %v", text, err)
		}
		forms := 0
		for name, value := range got {
			whole, found := full[name]
			if name == "bodyBase64" && !found {
				whole, found = base64.StdEncoding.EncodeToString(s.Body.Bytes), true
			}
			if !found || string(encoded(t, value)) != string(encoded(t, whole)) {
				t.Fatalf("%+v: %s is %v, in full %v", want, name, value, whole)
			}
			if strings.HasPrefix(name, "body") {
				forms++
			}
		}
		expected := 1
		switch {
		case !s.Body.Present, want.form == "none":
			expected = 0
		case want.form == "" && !want.short:
			expected = 2
		}
		if forms != expected {
			t.Fatalf("%+v: %d forms of the body, want %d: %s", want, forms, expected, text)
		}
		if _, there := got["authorization"]; want.short && there {
			t.Fatalf("short has more than is sent: %s", text)
		}
	}
}

func encoded(t *testing.T, value any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(value); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
