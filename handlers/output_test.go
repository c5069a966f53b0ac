package handlers_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestSign_OutputAndBodyForm(t *testing.T) {
	server := newServer(t, nil)
	const text, object, bytes = `"body":"a€"`, `"body":{"a":1}`, `"bodyBase64":"/w=="`
	for name, c := range map[string]struct{ path, fields, want string }{
		"short":               {"/v1/sign", `"output":"short",` + text, "body expiresAt headers method url warnings"},
		"short, of an object": {"/v1/sign", `"output":"short",` + object, "body expiresAt headers method url warnings"},
		"short, of bytes":     {"/v1/sign", `"output":"short",` + bytes, "bodyBase64 expiresAt headers method url warnings"},
		"short, no body":      {"/v1/sign", `"output":"short"`, "expiresAt headers method url warnings"},
		"short, as text":      {"/v1/sign", `"output":"short","bodyForm":"text",` + bytes, "bodyBase64 expiresAt headers method url warnings"},
		"short, as Base64":    {"/v1/sign", `"output":"short","bodyForm":"base64",` + text, "bodyBase64 expiresAt headers method url warnings"},
		"short, as an envelope": {
			"/v1/sign", `"output":"short","bodyForm":"envelope",` + text,
			"bodyEnvelope expiresAt headers method url warnings",
		},
		"short, without":   {"/v1/sign", `"output":"short","bodyForm":"none",` + text, "expiresAt headers method url warnings"},
		"short, explained": {"/v1/sign", `"output":"short","explain":true`, "expiresAt explanation headers method url warnings"},
		"short, presigned": {"/v1/presign", `"output":"short"`, "expiresAt headers method url warnings"},
	} {
		w := server.post(c.path, `{"method":"PUT","url":"https://abc123.execute-api.eu-west-1.amazonaws.com/prod/a",`+c.fields+`}`)
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		if fields := strings.Join(slices.Sorted(maps.Keys(got)), " "); fields != c.want {
			t.Errorf("%s: got %s, want %s", name, fields, c.want)
		}
	}
}

func TestOutput_IsRefusedWhereTheResponseIsAlwaysFull(t *testing.T) {
	server := newServer(t, nil)
	const request = `{"method":"PUT","url":"https://abc123.execute-api.eu-west-1.amazonaws.com/prod/a","output":"short"}`
	for path, code := range map[string]string{"/v1/steps/canonical-request": "field_invalid", "/v1/send": "field_unknown"} {
		w := server.post(path, request)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), code) || !strings.Contains(w.Body.String(), `"/output"`) {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, code)
		}
	}
}
