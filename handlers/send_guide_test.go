package handlers_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"testing"
)

// guideAWS is the server that docs/one-call.md describes.
func guideAWS(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		say := func(status int, media, body string) {
			w.Header().Set("Content-Type", media)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
		content, _ := io.ReadAll(r.Body)
		body := string(content)
		switch r.Method + " " + r.Host[:3] + r.URL.Path {
		case "POST a1b/prod/orders":
			if r.URL.RawQuery != "dryRun=false" || r.Header.Get("X-Tenant") != "north" || body != `{"order":1042,"note":"Grüße"}` {
				t.Errorf("arrived: %s %v %s", r.URL, r.Header, body)
			}
			say(201, "application/json", `{"order":1042,"accepted":true}`)
		case "GET a1b/prod/orders/1042":
			say(200, "application/json", `{"order":1042,"total":9007199254740993}`)
		case "GET a1b/prod/notes":
			if r.Header.Get("Accept") != "text/plain" {
				t.Errorf("arrived: %v", r.Header)
			}
			say(200, "text/plain; charset=utf-8", r.URL.Query().Get("about"))
		case "POST a1b/prod/notes":
			say(200, "text/plain; charset=utf-8", body)
		case "GET sqs/":
			say(200, "text/xml", "<ListQueuesResponse><ListQueuesResult/></ListQueuesResponse>")
		case "GET exa/in/photo.png":
			say(200, "image/png", "\x89PNG\r\n\x1a\n")
		case "PUT exa/in/photo.png":
			if body != "\x89PNG\r\n\x1a\n" || r.Header.Get("Content-Type") != "image/png" || r.Header.Get("X-Amz-Content-Sha256") == "" {
				t.Errorf("arrived: %v %q", r.Header, body)
			}
		case "GET a1b/prod/admin":
			say(403, "application/json", `{"message":"User is not authorized to access this resource"}`)
		default:
			t.Errorf("arrived: %s %s%s", r.Method, r.Host, r.URL)
		}
	}
}

// Each request of the guide gets the response that follows it there.
func TestSend_DoesWhatItsGuideSays(t *testing.T) {
	s := newSendServer(t, guideAWS(t), nil)
	text, err := os.ReadFile("../docs/one-call.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 16 {
		t.Fatalf("the guide has %d blocks, want eight requests and their answers", len(blocks))
	}
	for i := 0; i < len(blocks); i += 2 {
		w := s.post("/v1/send", string(blocks[i][1]))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", blocks[i][1], w.Code, w.Body)
			continue
		}
		want, got := fieldsOf(t, blocks[i+1][1]), fieldsOf(t, w.Body.Bytes())
		for name, value := range want {
			if !reflect.DeepEqual(got[name], value) {
				t.Errorf("%s\n%s is %v, want %v", blocks[i][1], name, got[name], value)
			}
		}
	}
}

func fieldsOf(t *testing.T, document []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return fields
}
