package handlers_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/signing"
)

// mirror makes requests, has them signed and verifies the responses.
type mirror struct {
	*testServer
	*rand.Rand
}

func newMirror(t testing.TB, seed uint64) *mirror {
	server := newServer(t, nil)
	server.handler = server.plain // the contract is tested elsewhere
	return &mirror{server, rand.New(rand.NewPCG(seed, 1))}
}

func (m *mirror) chance(percent int) bool { return m.IntN(100) < percent }

func choose[T any](m *mirror, values ...T) T { return values[m.IntN(len(values))] }

// places are hosts with the service to give for them, or none.
var places = [][2]string{
	{"sqs.eu-west-1.amazonaws.com", ""},
	{"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", ""},
	{"examplebucket.s3.eu-west-1.amazonaws.com", ""},
	{"s3.eu-west-1.amazonaws.com", ""},
	{"lambda.eu-west-1.amazonaws.com", ""},
	{"bedrock-runtime.eu-west-1.amazonaws.com", ""},
	{"glacier.eu-west-1.amazonaws.com", ""},
	{"search.eu-west-1.aoss.amazonaws.com", ""},
	{"mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com", ""},
	{"service.example.com", "vpc-lattice-svcs"},
	{"storage.example.com:9000", "s3"},
	{"api.example.com", "execute-api"},
	{"demo.example.com", "demo"},
	{"data.mediastore.eu-west-1.amazonaws.com", "mediastore"},
}

// request makes one to sign; its path options are those of its service unless it sets them.
func (m *mirror) request() map[string]any {
	at := choose(m, places...)
	d := map[string]any{"method": choose(m, "GET", "PUT", "POST", "DELETE")}
	path := choose(
		m, "/", "", "/a", "/a/b/", "/a b", "/a%2Fb", "/model/a:b", "/ü", "/a+b", "/~x", "/(1)*'!", "//a//b", "/a/../b", "/./a/.",
		"/%7eu", "/a%2fb", "/$x@y=z,&",
	)
	query := choose(m, "", "", "?x=1", "?b=2&a=1&a=0", "?x", "?x=a+b", "?q=%2f%C3%BC", "?list-type=2&prefix=a/b", "?=v", "?a=b=c")
	d["url"] = "https://" + at[0] + path + query
	if at[1] != "" {
		d["service"], d["region"] = at[1], "eu-west-1"
	}
	if m.chance(15) {
		d["algorithm"] = "AWS4-ECDSA-P256-SHA256"
	}
	m.addBody(d)
	m.addHeaders(d)
	m.addOptions(d)
	return d
}

func (m *mirror) addBody(d map[string]any) {
	switch m.IntN(7) {
	case 0:
		d["body"] = choose(m, "", "text", "Action=ListQueues&Version=1", "Grüße\n")
	case 1:
		d["body"] = map[string]any{"a": 1, "b": []string{"x"}}
	case 2:
		d["bodyBase64"] = "/wB/"
	case 3:
		d["body"] = map[string]any{"$content-type": "image/png", "$content": "iVBORw0KGgo="}
	case 4:
		d["payloadSha256"] = signing.PayloadHash([]byte("kept"))
	}
	if m.chance(20) && d["payloadSha256"] == nil {
		d["payload"] = "unsigned"
	}
}

func (m *mirror) addHeaders(d map[string]any) {
	headers, list := map[string]string{}, []map[string]string{}
	host := strings.TrimPrefix(d["url"].(string), "https://")
	host = host[:strings.IndexAny(host+"/", "/?")]
	for _, h := range [][2]string{
		{"Content-Length", "4"},
		{"Content-Type", "text/plain"},
		{"X-Amz-Meta-A", " a   b "},
		{"Range", "bytes=0-9"},
		{"Date", "Sun, 30 Aug 2015 12:36:00 GMT"},
		{"X-Tenant", "a,b"},
		{"Accept", "*/*"},
		{"User-Agent", "x"},
		{"If-None-Match", "*"},
		{"Host", host},
		{"x-amz-security-token", "old"},
	} {
		switch {
		case m.chance(75):
		case m.chance(50):
			list = append(list, map[string]string{"name": h[0], "value": h[1]})
		default:
			headers[h[0]] = h[1]
		}
	}
	if m.chance(10) {
		list = append(list, map[string]string{"name": "X-Twice", "value": "1"}, map[string]string{"name": "x-twice", "value": "2"})
	}
	d["headers"], d["headerList"] = headers, list
	d["signAllHeaders"] = m.chance(40)
	if m.chance(30) {
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			if _, forbidden := signing.Fragile("", name); !forbidden {
				d["signedHeaders"] = []string{name}
			}
		}
	}
}

func (m *mirror) addOptions(d map[string]any) {
	options := map[string]any{}
	if m.chance(15) {
		options["normalizePath"] = m.chance(50)
	}
	if m.chance(15) {
		options["doubleEncode"] = m.chance(50)
	}
	if m.chance(20) {
		options["contentSha256Header"] = choose(m, "auto", "always", "never")
	}
	if m.chance(20) {
		options["sessionToken"] = choose(m, "signed", "appended", "omitted")
	}
	d["options"] = options
}

// signs returns the response of an operation, or of the four steps, and false if the request is refused.
func (m *mirror) signs(way string, d map[string]any) (signed map[string]any, ok bool) {
	m.t.Helper()
	paths := []string{"/v1/" + way}
	if way == "steps" {
		paths = []string{"/v1/steps/canonical-request", "/v1/steps/string-to-sign", "/v1/steps/signature", "/v1/steps/authorization"}
	}
	signed = d
	for i, path := range paths {
		text, err := json.Marshal(signed)
		if err != nil {
			m.t.Fatal(err)
		}
		w := m.post(path, string(text))
		if w.Code == http.StatusBadRequest && i == 0 {
			return nil, false
		}
		if w.Code != http.StatusOK {
			m.t.Fatalf("%s %s: %d %s", path, text, w.Code, w.Body)
		}
		signed = decodeAs[map[string]any](m.t, w.Body)
	}
	return signed, true
}

// paste copies fields of a response into a request to verify.
func paste(signed map[string]any, fields ...string) map[string]any {
	d := map[string]any{}
	for _, f := range fields {
		if v, found := signed[f]; found {
			d[f] = v
		}
	}
	return d
}

// asAWSDoes reports whether a response is what AWS would accept, and can be verified alone: no option departs from
// what the service does, and the body or its hash is given.
func asAWSDoes(d, signed map[string]any, way string) bool {
	options := d["options"].(map[string]any)
	if options["sessionToken"] == "omitted" || options["normalizePath"] != nil || options["doubleEncode"] != nil {
		return false
	}
	hash := signed["payloadSha256"].(string)
	carries := strings.Contains(signed["url"].(string), "X-Amz-Content-Sha256=")
	for name := range signed["headers"].(map[string]any) {
		carries = carries || strings.EqualFold(name, "x-amz-content-sha256")
	}
	s3 := strings.HasPrefix(signed["service"].(string), "s3")
	switch {
	case carries:
		return true
	case way == "presign" && s3:
		return hash == signing.UnsignedPayload
	}
	return hash != signing.UnsignedPayload && d["payloadSha256"] == nil
}

// The responses of sign, presign and the four steps are valid for verify, whatever the request.
func TestVerify_AcceptsResponsesAsTheyAre(t *testing.T) {
	n := 200
	if testing.Short() {
		n = 40
	}
	signed, bare := mirrorMany(t, 1, n)
	if signed < 7*n/4 || bare < n*13/20 {
		t.Errorf("%d responses, %d of them as AWS accepts them", signed, bare)
	}
}

func FuzzResponsesAreValidAsTheyAre(f *testing.F) {
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) { mirrorMany(t, seed, 1) })
}

func mirrorMany(t *testing.T, seed uint64, requests int) (responses, bare int) {
	t.Helper()
	m := newMirror(t, seed)
	for range requests {
		d := m.request()
		for _, way := range []string{"sign", "presign", "steps"} {
			signed, ok := m.signs(way, d)
			if !ok {
				continue
			}
			responses++
			for _, headers := range []string{"headers", "headerList"} {
				whole := paste(signed, "method", "url", headers, "body", "bodyBase64", "payloadSha256", "options")
				if got := m.verify(whole); !got.Valid {
					t.Fatalf("%s of %s:\n%s\n%+v", way, encode(t, d), encode(t, whole), got)
				}
			}
			if !asAWSDoes(d, signed, way) {
				continue
			}
			bare++
			plain := paste(signed, "method", "url", "headers", "body", "bodyBase64")
			if got := m.verify(plain); !got.Valid {
				t.Fatalf("%s of %s:\n%s\n%+v", way, encode(t, d), encode(t, plain), got)
			}
		}
	}
	return responses, bare
}

// No response is valid after one of its bits has changed, unless it still means the same.
func TestVerify_OneChangedBitIsNotValid(t *testing.T) {
	n := 1500
	if testing.Short() {
		n = 200
	}
	changeMany(t, 3, n)
}

func FuzzOneChangedBitIsNotValid(f *testing.F) {
	f.Add(uint64(4))
	f.Fuzz(func(t *testing.T, seed uint64) { changeMany(t, seed, 4) })
}

func changeMany(t *testing.T, seed uint64, changes int) {
	t.Helper()
	m := newMirror(t, seed)
	for refused := 0; refused < changes; {
		d := m.request()
		way := choose(m, "sign", "presign", "steps")
		signed, ok := m.signs(way, d)
		if !ok {
			continue
		}
		whole := paste(signed, "method", "url", "headers", "body", "bodyBase64", "options")
		if d["payloadSha256"] != nil || signed["payloadSha256"] == signing.UnsignedPayload {
			whole["payloadSha256"] = signed["payloadSha256"]
		}
		names := toStrings(signed["signedHeaders"].([]any))
		before := meaning(whole, names)
		for range 8 {
			changed, what := m.flipBit(whole)
			if changed == nil || meaning(changed, names) == before {
				continue
			}
			w := m.post("/v1/verify", encode(t, changed))
			if w.Code >= http.StatusInternalServerError || w.Code == http.StatusOK && decodeAs[verdict](t, w.Body).Valid {
				t.Fatalf("a bit of %s was changed, and it is valid or fails:\n%s\n%s\n%d", what, encode(t, whole), encode(t, changed), w.Code)
			}
			refused++
		}
	}
}

func toStrings(list []any) (texts []string) {
	for _, v := range list {
		texts = append(texts, v.(string))
	}
	return texts
}

// flipBit changes one bit of what is sent.
func (m *mirror) flipBit(d map[string]any) (changed map[string]any, what string) {
	changed = maps.Clone(d)
	headers := maps.Clone(d["headers"].(map[string]any))
	changed["headers"] = headers
	parts := []string{"method", "url", "url", "url", "body", "bodyBase64"}
	for name := range headers {
		parts = append(parts, "header "+name)
		if name != "Content-Length" { // the client adds it anyway
			parts = append(parts, "name "+name)
		}
	}
	slices.Sort(parts)
	what = choose(m, parts...)
	name, isHeader := strings.CutPrefix(what, "header ")
	named, isName := strings.CutPrefix(what, "name ")
	switch {
	case isHeader:
		headers[name] = m.flip(headers[name].(string))
	case isName:
		value := headers[named]
		delete(headers, named)
		headers[m.flip(named)] = value
	case d[what] == nil || d[what] == "":
		return nil, what
	case what == "bodyBase64":
		data, err := base64.StdEncoding.DecodeString(d[what].(string))
		if err != nil {
			m.t.Fatal(err)
		}
		data[m.IntN(len(data))] ^= 1 << m.IntN(8)
		changed[what] = base64.StdEncoding.EncodeToString(data)
	default:
		changed[what] = m.flip(d[what].(string))
	}
	return changed, what
}

// flip changes one bit of a character; non-ASCII characters stay.
func (m *mirror) flip(text string) string {
	b := []byte(text)
	for range 100 {
		i := m.IntN(len(b))
		if c := b[i] ^ 1<<m.IntN(7); b[i] < 0x80 && c < 0x80 {
			b[i] = c
			break
		}
	}
	return string(b)
}

// meaning is what AWS reads in a request, regardless of spelling; it uses nothing of package signing.
func meaning(d map[string]any, signedHeaders []string) string {
	target, query, _ := strings.Cut(d["url"].(string), "?")
	scheme, rest, _ := strings.Cut(target, "://")
	host, path, _ := strings.Cut(rest, "/")
	if decoded, err := url.PathUnescape(path); err == nil && strings.Contains(fmt.Sprint(d["options"]), "doubleEncode:false") {
		path = decoded
	}
	var parameters []string
	for piece := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(piece, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			n, v = name, value
		}
		parameters = append(parameters, url.QueryEscape(n)+"="+url.QueryEscape(v))
	}
	slices.Sort(parameters)
	lines := []string{d["method"].(string), strings.ToLower(scheme + host), path, strings.Join(parameters, "&")}
	var headers []string
	for name, value := range d["headers"].(map[string]any) {
		if lower := strings.ToLower(name); lower == "authorization" || lower == "x-amz-security-token" || slices.Contains(signedHeaders, lower) {
			headers = append(headers, lower+":"+strings.Join(strings.Fields(value.(string)), " "))
		}
	}
	slices.Sort(headers)
	lines = append(lines, headers...)
	unsigned := d["payloadSha256"] == signing.UnsignedPayload
	if !unsigned {
		lines = append(lines, fmt.Sprint(d["body"], d["bodyBase64"]))
	}
	return strings.Join(lines, "\n")
}
