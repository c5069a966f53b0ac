package handlers_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// officialVector is a case of AWS's signing test suite or documentation, as package signing keeps it.
type officialVector struct {
	Name, Method, URL, Body, Service, Region, Time, Algorithm, Path, Payload, Token string
	Headers                                                                         [][2]string
	Credentials                                                                     [3]string
	DoubleEncode, ContentSHA256Header, SignAllHeaders                               bool
	SignedHeaders                                                                   []string
	Expires                                                                         int
	Header, Presigned                                                               *struct {
		StringToSign []string
		Signature    string
	}
}

// document is what a caller posts to sign the vector.
func (v *officialVector) document(t *testing.T) map[string]any {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", v.Time)
	if err != nil {
		t.Fatal(err)
	}
	list := []map[string]string{}
	for _, h := range v.Headers {
		list = append(list, map[string]string{"name": h[0], "value": h[1]})
	}
	options := map[string]any{"normalizePath": v.Path == "normalized", "doubleEncode": v.DoubleEncode, "contentSha256Header": "never"}
	if v.Path == "s3" {
		delete(options, "normalizePath")
	}
	if v.ContentSHA256Header {
		options["contentSha256Header"] = "always"
	}
	if v.Token != "" {
		options["sessionToken"] = v.Token
	}
	d := map[string]any{
		"method": v.Method, "url": v.URL, "headerList": list, "service": v.Service, "region": v.Region, "signingTime": at.Format(time.RFC3339),
		"signAllHeaders": true, "options": options, "explain": true,
		"credentials": map[string]string{"accessKeyId": v.Credentials[0], "secretAccessKey": v.Credentials[1], "sessionToken": v.Credentials[2]},
	}
	if v.Body != "" {
		d["body"] = v.Body
	}
	if v.Algorithm != "" {
		d["algorithm"] = v.Algorithm
	}
	switch {
	case v.Payload == "UNSIGNED-PAYLOAD":
		d["payload"] = "unsigned"
	case v.Payload != "":
		d["payloadSha256"] = v.Payload
		delete(d, "body")
	}
	return d
}

// The operations return for AWS's vectors what package signing does.
func TestOfficialVectorsOverHTTP(t *testing.T) {
	server := newServer(t, withoutSession)
	signed, presigned := 0, 0
	for _, name := range []string{"sigv4.json", "sigv4a.json", "documentation.json"} {
		text, err := os.ReadFile(filepath.Join("..", "signing", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []officialVector }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, v := range file.Cases {
			if strings.HasPrefix(v.Payload, "STREAMING-") {
				continue // callers of this service send no chunks
			}
			if v.Header != nil {
				signed++
				v.compare(t, server, "/v1/sign", v.document(t), v.Header.StringToSign, v.Header.Signature)
			}
			if v.Presigned != nil {
				presigned++
				d := v.document(t)
				d["expiresInSeconds"] = v.Expires
				v.compare(t, server, "/v1/presign", d, v.Presigned.StringToSign, v.Presigned.Signature)
			}
		}
	}
	if signed != 75 || presigned != 69 {
		t.Errorf("%d vectors were signed and %d presigned", signed, presigned)
	}
}

func (v *officialVector) compare(
	t *testing.T, server *testServer, path string, document map[string]any, stringToSign []string, signature string,
) {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	w := server.post(path, string(text))
	if w.Code != http.StatusOK {
		t.Errorf("%s %s: %d %s", path, v.Name, w.Code, w.Body)
		return
	}
	got := decodeAs[struct{ Explanation stageTexts }](t, w.Body).Explanation
	if want := strings.Join(stringToSign, "\n"); want != "" && got["stringToSign"] != want {
		t.Errorf("%s %s: string to sign\n%s\nwant\n%s\nof\n%s", path, v.Name, got["stringToSign"], want, got["canonicalRequest"])
		return
	}
	if signature != "" && got["signature"] != signature {
		t.Errorf("%s %s: signature %s, want %s", path, v.Name, got["signature"], signature)
	}
}
