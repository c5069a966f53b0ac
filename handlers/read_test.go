package handlers_test

import (
	"net/http"
	"strings"
	"testing"
)

type readResponse struct {
	Kind    string `json:"kind"`
	Request *struct {
		Method     string              `json:"method"`
		URL        string              `json:"url"`
		HeaderList []map[string]string `json:"headerList"`
		Body       *string             `json:"body"`
		BodyBase64 *string             `json:"bodyBase64"`
		Service    string              `json:"service"`
		Region     string              `json:"region"`
	} `json:"request"`
	Signed       bool             `json:"signed"`
	Answered     bool             `json:"answered"`
	Spans        []readPlace      `json:"spans"`
	Placeholders []readPlace      `json:"placeholders"`
	Secrets      []map[string]any `json:"secrets"`
	Notes        []map[string]any `json:"notes"`
	Choices      []map[string]any `json:"choices"`
}

type readPlace struct {
	Pointer              string
	Text                 string
	ValueStart, ValueEnd int
	Start, End           int
}

func read(t *testing.T, server *testServer, text string) readResponse {
	t.Helper()
	w := server.post("/v1/read", encode(t, map[string]any{"text": text}))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return decodeAs[readResponse](t, w.Body)
}

// What is read can be signed: each paste goes through both operations.
func TestRead_ReturnsWhatSignAccepts(t *testing.T) {
	server := newServer(t, nil)
	for name, text := range map[string]string{
		"curl": `curl 'https://sqs.eu-west-1.amazonaws.com/' -d 'Action=ListQueues' -H 'X-Amz-Date: 20100101T000000Z'`,
		"cmd":  `curl ^"https://sqs.eu-west-1.amazonaws.com/?b=2^&a=1^" -H ^"X-Tenant:  a  b^"`,
		"http": "PUT /k HTTP/1.1\nHost: examplebucket.s3.eu-west-1.amazonaws.com\nContent-Type: text/plain\n\nhello",
		"binary": `{"inputs":{"method":"PUT","uri":"https://examplebucket.s3.eu-west-1.amazonaws.com/k",` +
			`"body":{"$content-type":"image/png","$content":"iVBORw0KGgo="}}}`,
		"sigv4":     `curl --aws-sigv4 aws:amz:eu-central-1:es https://search.example.com/ -u AKIDEXAMPLE:EXAMPLESECRET`,
		"presigned": "https://examplebucket.s3.eu-west-1.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00",
		"fetch": `fetch("https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod", {"method":"POST","body":"{\"a\":1}",` +
			`"headers":{"content-type":"application/json"}});`,
		"with place": "curl https://sqs.eu-west-1.amazonaws.com/é -H 'x-a: b'",
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, server, text)
			if got.Request == nil || len(got.Spans) == 0 {
				t.Fatalf("%+v", got)
			}
			w := server.post("/v1/sign", encode(t, got.Request))
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "EXAMPLESECRET") {
				t.Error("the secret of the paste is in the response")
			}
			for _, s := range got.Spans {
				if s.Start < 0 || s.Start > s.End || s.End > len(text) || s.ValueStart > s.ValueEnd {
					t.Errorf("%+v is not in the text", s)
				}
			}
		})
	}
}

func TestRead_SaysWhereAndWhat(t *testing.T) {
	server := newServer(t, nil)
	text := "# first\ncurl 'https://sqs.eu-west-1.amazonaws.com/'\"?a=$ID\" -H 'Authorization: Bearer EXAMPLETOKEN' --nothing"
	got := read(t, server, text)
	values := map[string]string{"/method": got.Request.Method, "/url": got.Request.URL}
	var url string
	for _, s := range got.Spans {
		if s.Pointer == "/url" {
			url += text[s.Start:s.End]
			if values["/url"][s.ValueStart:s.ValueEnd] != text[s.Start:s.End] {
				t.Errorf("%+v is not its text", s)
			}
		}
	}
	if url != "https://sqs.eu-west-1.amazonaws.com/?a=$ID" {
		t.Errorf("the spans of the URL hold %q", url)
	}
	if len(got.Placeholders) != 1 || got.Placeholders[0].Text != "$ID" || got.Request.URL[got.Placeholders[0].ValueStart:] != "$ID" {
		t.Errorf("placeholders %+v", got.Placeholders)
	}
	if len(got.Secrets) != 1 || got.Secrets[0]["pointer"] != "/headerList/0/value" || got.Secrets[0]["kind"] != "bearer" {
		t.Errorf("secrets %+v", got.Secrets)
	}
	if len(got.Notes) != 1 || got.Notes[0]["code"] != "option_unknown" || got.Notes[0]["line"] != 2.0 || got.Notes[0]["column"] != 93.0 {
		t.Errorf("notes %+v", got.Notes)
	}
}

func TestRead_SeveralRequests(t *testing.T) {
	server := newServer(t, nil)
	const both = `{"text":"curl https://a.example/\ncurl https://b.example/","choice":%s}`
	for choice, want := range map[string]string{"0": "https://a.example/", "1": "https://b.example/", "null": "https://a.example/"} {
		got := decodeAs[readResponse](t, server.post("/v1/read", strings.Replace(both, "%s", choice, 1)).Body)
		if got.Request.URL != want || len(got.Choices) != 2 || got.Choices[1]["url"] != "https://b.example/" {
			t.Errorf("choice %s: %+v", choice, got)
		}
	}
	server.problem(server.post("/v1/read", strings.Replace(both, "%s", "2", 1)), http.StatusBadRequest)
}
