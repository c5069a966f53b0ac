package handlers_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"countersign/signing"
)

func TestFormsAreMadeOfFlatObjects(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		body json.RawMessage
		want string
	}{
		"texts": {
			json.RawMessage(`{"Action":"SendMessage","MessageBody":"a b+c&d=e/ü~é"}`),
			"Action=SendMessage&MessageBody=a%20b%2Bc%26d%3De%2F%C3%BC~%C3%A9",
		},
		"in their order":    {json.RawMessage(`{"b":"2","a":"1","":"x"}`), "b=2&a=1&=x"},
		"numbers":           {json.RawMessage(`{"a":1,"b":12.50,"c":-1e3,"d":90071992547409931}`), "a=1&b=12.50&c=-1e3&d=90071992547409931"},
		"booleans":          {json.RawMessage(`{"a":true,"b":false}`), "a=true&b=false"},
		"null":              {json.RawMessage(`{"a":null,"b":"","c":null}`), "b="},
		"nothing":           {json.RawMessage(`{}`), ""},
		"names":             {json.RawMessage(`{"Attribute.1.Name":"All","a b":"\n"}`), "Attribute.1.Name=All&a%20b=%0A"},
		"a text stays":      {json.RawMessage(`"Action=ListQueues&Version=2012-11-05"`), "Action=ListQueues&Version=2012-11-05"},
		"an envelope stays": {json.RawMessage(`{"$content-type":"application/x-www-form-urlencoded","$content":"YT0x"}`), "a=1"},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			for _, media := range []string{"application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"} {
				got := server.signRight(request("POST", aQueue, map[string]any{"body": test.body, "headers": map[string]string{"content-type": media}}))
				content, err := base64.StdEncoding.DecodeString(got.BodyEnvelope["$content"])
				if err != nil || string(content) != test.want || got.PayloadSha256 != signing.PayloadHash([]byte(test.want)) ||
					got.BodyEnvelope["$content-type"] != media {
					t.Errorf("got %s, %v: %q, want %q", got.PayloadSha256, got.BodyEnvelope, content, test.want)
				}
				if got.Body != nil && *got.Body != test.want || got.Body == nil && name != "an envelope stays" {
					t.Errorf("body = %v", got.Body)
				}
				got.warns(t, "")
			}
		})
	}
	read, err := url.ParseQuery("Action=SendMessage&MessageBody=a%20b%2Bc%26d%3De%2F%C3%BC~%C3%A9")
	if err != nil || read.Get("MessageBody") != "a b+c&d=e/ü~é" {
		t.Errorf("a form is read as %v, %v", read, err)
	}
	header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for body, pointer := range map[string]string{
		`{"a":{"b":1}}`: "/body/a", `{"a":"b","c~/":[1]}`: "/body/c~0~1", `{"a":[]}`: "/body/a", `[1]`: "/body", `7`: "/body", `true`: "/body",
	} {
		got := server.refuse(request("POST", aQueue, map[string]any{"body": json.RawMessage(body), "headers": header}), 400)
		if got.Code != "field_invalid" || got.Errors[0].Pointer != pointer || !strings.Contains(got.Errors[0].Detail, "form") {
			t.Errorf("%s: got %+v", body, got)
		}
	}
	// Without the header an object is JSON.
	if got := server.signRight(request("POST", aQueue, map[string]any{"body": map[string]string{"a": "b"}})); *got.Body != `{"a":"b"}` {
		t.Errorf("body = %s", *got.Body)
	}
}

// The policies see the form as it is sent.
func TestAFormOfAnObjectIsDecidedOnLikeAnyOther(t *testing.T) {
	server := newServer(t, nil)
	for action, status := range map[string]int{"GetCallerIdentity": 403, "DecodeAuthorizationMessage": 200} {
		w := server.post("/v1/sign", request("POST", "https://sts.eu-west-1.amazonaws.com/", map[string]any{
			"body": map[string]string{"Action": action, "Version": "2011-06-15"}, "headers": map[string]string{
				"Content-Type": "application/x-www-form-urlencoded",
			},
		}))
		text := server.post("/v1/sign", request("POST", "https://sts.eu-west-1.amazonaws.com/", map[string]any{
			"body": "Action=" + action + "&Version=2011-06-15", "headers": map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		}))
		if w.Code != text.Code || w.Body.String() != text.Body.String() {
			t.Errorf("%s: the object gives %d %s, the string %d %s (want about %d)", action, w.Code, w.Body, text.Code, text.Body, status)
		}
	}
}

// Encoding turns a byte into three, and the response contains the form twice.
func TestFormsAreBounded(t *testing.T) {
	const most = 1 << 20
	server := newServer(t, nil)
	sign := func(value string) string {
		return `{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"content-type":"application/x-www-form-urlencoded"},` +
			`"body":{"k":"` + value + `"}}`
	}
	for name, value := range map[string]string{"letters": strings.Repeat("a", most-2), "escapes": strings.Repeat("%", most/3-1)} {
		if w := server.post("/v1/sign", sign(value)); w.Code != 200 {
			t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
		}
	}
	for name, value := range map[string]string{"letters": strings.Repeat("a", most-1), "escapes": strings.Repeat("%", most/3+1)} {
		if got := server.refuse(sign(value), 400); got.Errors[0].Pointer != "/body" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
