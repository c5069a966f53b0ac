package handlers_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// signedVector is a vector of package signing with its signatures.
type signedVector struct {
	officialVector
	Header, Presigned *struct {
		Signature, Authorization, Target string
		Samples                          []string // Version 4a signatures, which are random
	}
}

// sentRequest is a request as its signer sent it, to verify.
type sentRequest struct {
	name     string
	document map[string]any
	// unnormalized: the signer left dot segments or empty segments in a path from which AWS removes them.
	unnormalized bool
}

// sent returns the vector in each of its forms, once for each known signature.
func (v *signedVector) sent(t *testing.T) (sent []sentRequest) {
	t.Helper()
	at, err := time.Parse(signing.TimeFormat, v.Time)
	if err != nil {
		t.Fatal(err)
	}
	base := map[string]any{
		"method": v.Method, "service": v.Service, "region": v.Region, "at": at.Format(time.RFC3339),
		"credentials": map[string]string{"accessKeyId": v.Credentials[0], "secretAccessKey": v.Credentials[1], "sessionToken": v.Credentials[2]},
	}
	if v.Payload == "" {
		base["body"] = v.Body
	}
	_, path, _ := strings.Cut(strings.TrimPrefix(v.URL, "https://"), "/")
	dots := strings.Contains("/"+path, "//") || strings.Contains("/"+path, "/.")
	add := func(form, url string, headers [][2]string) {
		d := maps.Clone(base)
		list := []map[string]string{}
		for _, h := range headers {
			list = append(list, map[string]string{"name": h[0], "value": h[1]})
		}
		d["url"], d["headerList"] = url, list
		sent = append(sent, sentRequest{v.Name + " " + v.Algorithm + " " + form, d, v.DoubleEncode && v.Path == "" && dots})
	}
	if v.Header != nil {
		for _, signature := range append(v.Header.Samples, v.Header.Signature) {
			if signature != "" {
				add("by headers", v.URL, v.sentHeaders(signature))
			}
		}
	}
	if v.Presigned != nil {
		host, _, _ := strings.Cut(strings.TrimPrefix(v.URL, "https://"), "/")
		url := "https://" + host + v.Presigned.Target
		if v.Presigned.Signature != "" {
			add("presigned", url, v.Headers)
		}
		for _, signature := range v.Presigned.Samples {
			add("presigned", url+"&X-Amz-Signature="+signature, v.Headers)
		}
	}
	return sent
}

// sentHeaders are the vector's own and those that signing adds.
func (v *signedVector) sentHeaders(signature string) [][2]string {
	headers := append(slices.Clone(v.Headers), [2]string{"X-Amz-Date", v.Time})
	algorithm, scope := "AWS4-HMAC-SHA256", v.Region+"/"+v.Service
	if v.Algorithm != "" {
		algorithm, scope = v.Algorithm, v.Service
		headers = append(headers, [2]string{"X-Amz-Region-Set", v.Region})
	}
	if v.ContentSHA256Header {
		hash := v.Payload
		if hash == "" {
			hash = signing.PayloadHash([]byte(v.Body))
		}
		headers = append(headers, [2]string{"x-amz-content-sha256", hash})
	}
	names := append([]string{"host"}, v.SignedHeaders...)
	token := [2]string{"X-Amz-Security-Token", v.Credentials[2]}
	if v.Token == "" && token[1] != "" {
		headers = append(headers, token)
	}
	for _, h := range headers {
		if name := strings.ToLower(h[0]); strings.HasPrefix(name, "x-amz-") {
			names = append(names, name)
		}
	}
	if v.Token == "appended" {
		headers = append(headers, token)
	}
	slices.Sort(names)
	return append(headers, [2]string{
		"Authorization", algorithm + " Credential=" + v.Credentials[0] + "/" + v.Time[:8] + "/" + scope + "/aws4_request, SignedHeaders=" +
			strings.Join(slices.Compact(names), ";") + ", Signature=" + signature,
	})
}

// Every signature of AWS's test suite and documentation is valid, in both forms. Outside S3, those over a path with
// dot segments or empty segments are valid only with the option that says that the service does not remove them.
func TestVerify_TheSuitesOfAWSAreValid(t *testing.T) {
	server := newServer(t, withoutSession)
	all, unnormalized := loadSent(t), 0
	for _, s := range all {
		got := server.verify(s.document)
		if s.unnormalized {
			unnormalized++
			if got.Valid {
				t.Errorf("%s: valid over the path as it was sent", s.name)
			}
			s.document["options"] = map[string]any{"normalizePath": false}
			got = server.verify(s.document)
		}
		if !got.Valid || got.Verdict != "valid" {
			t.Errorf("%s: %+v\n%v", s.name, got, s.document)
		}
	}
	if len(all) != 216 || unnormalized != 36 {
		t.Errorf("%d signatures were verified, %d of them over a path that is not normalised", len(all), unnormalized)
	}
}

func loadSent(t *testing.T) (all []sentRequest) {
	t.Helper()
	for _, name := range []string{"sigv4.json", "sigv4a.json", "documentation.json", "streams.json"} {
		text, err := os.ReadFile(filepath.Join("..", "signing", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Cases []struct {
				signedVector
				Request *signedVector // of a stream
			}
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			v := &c.signedVector
			if c.Request != nil {
				v = c.Request
			}
			all = append(all, v.sent(t)...)
		}
	}
	return all
}

// Whatever is changed in what AWS's suites sign, the signature is no longer valid.
func TestVerify_AChangedVectorIsInvalid(t *testing.T) {
	server := newServer(t, withoutSession)
	server.handler = server.plain
	changes := map[string]func(d map[string]any) bool{
		"method": func(d map[string]any) bool { d["method"] = "PATCH"; return true },
		"path": func(d map[string]any) bool {
			d["url"] = strings.Replace(d["url"].(string), ".com/", ".com/x/", 1)
			return true
		},
		"parameter": func(d map[string]any) bool {
			target, query, _ := strings.Cut(d["url"].(string), "?")
			d["url"] = target + "?x=y&" + query
			return true
		},
		"day":    func(d map[string]any) bool { return replaceSent(d, "20150830T123600Z", "20150831T123600Z") },
		"minute": func(d map[string]any) bool { return replaceSent(d, "T123600Z", "T123500Z") },
		"region": func(d map[string]any) bool { return replaceSent(d, "us-east-1", "us-east-2") },
		"host":   func(d map[string]any) bool { return replaceSent(d, "amazonaws.com", "amazonaws.org") },
		"header": func(d map[string]any) bool { return replaceSent(d, "value1", "value3") },
		"body": func(d map[string]any) bool {
			_, found := d["body"]
			d["body"] = "changed"
			return found
		},
		"last digit": func(d map[string]any) bool {
			return changeSignature(d, func(s string) string { return s[:len(s)-1] + string(s[len(s)-1]^1) })
		},
		"capitals": func(d map[string]any) bool { return changeSignature(d, strings.ToUpper) },
		"secret": func(d map[string]any) bool {
			c := maps.Clone(d["credentials"].(map[string]string))
			c["secretAccessKey"] = "another" + c["secretAccessKey"]
			d["credentials"] = c
			return true
		},
	}
	refused, want := 0, 1500
	if testing.Short() {
		want /= 4
	}
	for i, s := range loadSent(t) {
		if s.unnormalized || testing.Short() && i%3 > 0 {
			continue
		}
		for name, change := range changes {
			d := maps.Clone(s.document)
			if !change(d) {
				continue
			}
			w := server.post("/v1/verify", encode(t, d))
			if w.Code >= 500 || w.Code == 200 && decodeAs[verdict](t, w.Body).Verdict != "invalid" {
				t.Errorf("%s, %s changed: %d %s", s.name, name, w.Code, encode(t, d))
			}
			refused++
		}
	}
	if refused < want {
		t.Errorf("only %d changed requests were refused", refused)
	}
}

// replaceSent replaces a text in URL and headers.
func replaceSent(d map[string]any, old, new string) (found bool) {
	replace := func(text string) string {
		found = found || strings.Contains(text, old)
		return strings.ReplaceAll(text, old, new)
	}
	d["url"] = replace(d["url"].(string))
	list := slices.Clone(d["headerList"].([]map[string]string))
	for i, h := range list {
		list[i] = map[string]string{"name": h["name"], "value": replace(h["value"])}
	}
	d["headerList"] = list
	return found
}

func changeSignature(d map[string]any, change func(string) string) bool {
	text := d["url"].(string)
	for _, h := range d["headerList"].([]map[string]string) {
		if h["name"] == "Authorization" {
			text = h["value"]
		}
	}
	signature := text[strings.LastIndex(text, "Signature=")+len("Signature="):]
	return replaceSent(d, signature, change(signature))
}

// What botocore signs is valid, in both forms, except where it signs other than the service reads: the spelling of
// escapes and plain characters in an S3 key, and a date in words.
func TestVerify_RequestsOfBotocore(t *testing.T) {
	text, err := os.ReadFile("testdata/botocore.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Method, URL, Body string
		Headers                 [][2]string
		Token, Valid            bool
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	server := newServer(t, withoutSession)
	valid := 0
	for _, c := range cases {
		list := []map[string]string{}
		for _, h := range c.Headers {
			list = append(list, map[string]string{"name": h[0], "value": h[1]})
		}
		keys := map[string]string{"accessKeyId": accessKeyID, "secretAccessKey": secretKey}
		if c.Token {
			keys["sessionToken"] = token
		}
		got := server.verify(map[string]any{
			"method": c.Method, "url": c.URL, "headerList": list, "body": c.Body, "credentials": keys, "at": "2015-08-30T12:36:30Z",
		})
		if got.Valid != c.Valid {
			t.Errorf("%s %s: %+v, want valid = %t", c.Name, c.URL, got, c.Valid)
		}
		if got.Valid {
			valid++
		}
	}
	if len(cases) != 115 || valid != 88 {
		t.Errorf("%d requests, %d of them valid", len(cases), valid)
	}
}
