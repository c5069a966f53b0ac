package diagnosis_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sort"
	"strings"
	"time"

	"countersign/diagnosis"
)

// The generator makes requests, signs them with its own signer, which can make mistakes, and changes them in transit.
// It shares no code with the package under test.

// call is a request as on the wire.
type call struct {
	method, host, path, query string
	headers                   [][2]string // in the order of sending, without Host
	body                      []byte
}

func (c *call) clone() *call {
	d := *c
	d.headers = append([][2]string(nil), c.headers...)
	d.body = append([]byte(nil), c.body...)
	return &d
}

func (c *call) get(name string) string {
	for _, h := range c.headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

func (c *call) set(name, value string) {
	for i := range c.headers {
		if strings.EqualFold(c.headers[i][0], name) {
			c.headers[i][1] = value
			return
		}
	}
	c.headers = append(c.headers, [2]string{name, value})
}

func (c *call) drop(name string) {
	for i := range c.headers {
		if strings.EqualFold(c.headers[i][0], name) {
			c.headers = append(c.headers[:i], c.headers[i+1:]...)
			return
		}
	}
}

// raw writes the request as HTTP/1.1.
func (c *call) raw() []byte {
	var b bytes.Buffer
	target := c.path
	if c.query != "" {
		target += "?" + c.query
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", c.method, target, c.host)
	for _, h := range c.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(c.body))
	b.Write(c.body)
	return b.Bytes()
}

// site is a service to sign for.
type site struct {
	service, region, host string
	s3                    bool
}

var sites = []site{
	{"execute-api", "eu-west-1", "abc123.execute-api.eu-west-1.amazonaws.com", false},
	{"s3", "eu-central-1", "s3.eu-central-1.amazonaws.com", true},
	{"es", "us-east-1", "search-orders-abc123.us-east-1.es.amazonaws.com", false},
	{"lambda", "eu-west-2", "lambda.eu-west-2.amazonaws.com", false},
	{"sqs", "us-west-2", "sqs.us-west-2.amazonaws.com", false},
}

// stages are the steps of signing; each mistake replaces one.
type stages struct {
	secret            string
	path              func(wire string) string
	query             func(wire string) string
	value             func(v string) string
	name              func(n string) string
	host              func(h string) string
	order             func(names []string) []string
	payload           func(body []byte) string
	canonical         func(s string) string
	noBlank           bool
	at                time.Time // in the string to sign
	prefix            string
	keyDay, keyRegion string
	keyService        string
	write             func(mac []byte) string
	pathHoldsQuery    bool
	contentType       *string
}

func (g *generated) right() *stages {
	return &stages{
		secret: g.secret, prefix: "AWS4", at: g.now,
		path: func(wire string) string {
			if g.site.s3 {
				return wire
			}
			return strings.ReplaceAll(wire, "%", "%25")
		},
		query:     sortedQuery,
		value:     func(v string) string { return strings.Join(strings.Fields(v), " ") },
		name:      strings.ToLower,
		host:      func(h string) string { return h },
		order:     func(names []string) []string { sort.Strings(names); return names },
		payload:   func(b []byte) string { return hexSHA(b) },
		canonical: func(s string) string { return s },
		keyDay:    g.now.Format("20060102"), keyRegion: g.site.region, keyService: g.site.service,
		write: hex.EncodeToString,
	}
}

func hexSHA(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func sortedQuery(wire string) string {
	if wire == "" {
		return ""
	}
	var pairs [][2]string
	for _, p := range strings.Split(wire, "&") {
		n, v, _ := strings.Cut(p, "=")
		pairs = append(pairs, [2]string{n, v})
	}
	sort.SliceStable(pairs, func(i, j int) bool {
		if pairs[i][0] != pairs[j][0] {
			return pairs[i][0] < pairs[j][0]
		}
		return pairs[i][1] < pairs[j][1]
	})
	var out []string
	for _, p := range pairs {
		out = append(out, p[0]+"="+p[1])
	}
	return strings.Join(out, "&")
}

// generated is a case being built.
type generated struct {
	r      *rand.Rand
	site   site
	secret string
	now    time.Time
	call   *call
	truth  map[diagnosis.Cause]bool
	names  []string // the mutations made
	place  string   // what the signer's first mistake concerns
	shown  shown
}

const generatedKey = "AKIASANDBOXEXAMPLEID"

// sign signs the call with the given stages.
func (g *generated) sign(s *stages) {
	c := g.call
	date := g.now.Format("20060102T150405Z")
	c.set("X-Amz-Date", date)
	if g.site.s3 {
		c.set("X-Amz-Content-Sha256", s.payload(c.body))
	}
	values := map[string]string{"host": s.host(c.host)}
	var names []string
	for _, h := range c.headers {
		n := strings.ToLower(h[0])
		if _, twice := values[n]; !twice {
			names = append(names, n)
			values[n] = s.value(h[1])
		}
	}
	if s.contentType != nil {
		values["content-type"] = *s.contentType
	}
	names = s.order(append(names, "host"))
	path, query := s.path(c.path), s.query(c.query)
	if s.pathHoldsQuery {
		path, query = c.path+"?"+c.query, ""
	}
	lines := []string{c.method, path, query}
	for _, n := range names {
		lines = append(lines, s.name(n)+":"+values[n])
	}
	if !s.noBlank {
		lines = append(lines, "")
	}
	lines = append(lines, strings.Join(names, ";"), s.payload(c.body))
	canonical := s.canonical(strings.Join(lines, "\n"))
	scope := g.now.Format("20060102") + "/" + g.site.region + "/" + g.site.service + "/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + s.at.Format("20060102T150405Z") + "\n" + scope + "\n" + hexSHA([]byte(canonical))
	key := []byte(s.prefix + s.secret)
	for _, part := range []string{s.keyDay, s.keyRegion, s.keyService, "aws4_request", toSign} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	c.set(
		"Authorization",
		"AWS4-HMAC-SHA256 Credential="+generatedKey+"/"+scope+", SignedHeaders="+strings.Join(names, ";")+", Signature="+s.write(key),
	)
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// request builds a call with many features that can go wrong.
func (g *generated) request() {
	r := g.r
	c := &call{host: g.site.host, method: pick(r, "POST", "PUT", "POST", "PATCH")}
	segments := []string{
		"prod", pick(r, "orders", "a%20b", "x%3Ay", "gr%C3%BC%C3%9Fe", "v1.2"), pick(r, "7", "item%2F9", "a%2Cb", "t~1", "k%40x"),
	}
	c.path = "/" + strings.Join(segments[:1+r.IntN(3)], "/")
	if g.site.s3 {
		c.path = "/orders" + strings.ReplaceAll(c.path, "%2F", "-")
		if r.IntN(3) == 0 {
			c.path += "//deep/" + pick(r, "a.txt", "b%20c.csv")
		}
	}
	var parameters []string
	for _, p := range []string{
		"z=1", "limit=" + pick(r, "5", "10"), "after=" + pick(r, "a%2Bb", "x%20y", "k%3Dv"), "empty=", "B=2",
		"name=" + pick(r, "%C3%BC", "plain", "a%2Fb"),
	} {
		if r.IntN(2) == 0 {
			parameters = append(parameters, p)
		}
	}
	c.query = strings.Join(parameters, "&")
	switch r.IntN(4) {
	case 0:
		c.body = []byte(`Action=SendMessage&MessageBody=hello%20world%2B~x&Note=it's%20fine&Version=2012-11-05`)
		c.set("Content-Type", "application/x-www-form-urlencoded")
	case 1:
		c.body = []byte("a;b\n1;" + pick(r, "2", "3,5", "grün") + "\n")
		c.set("Content-Type", "text/csv")
	default:
		c.body = fmt.Appendf(
			nil,
			`{"order": %d, "zip": "%05d", "note": "Grüße <b>&/", "amount": 12.50, "big": 1e2, "list": [1, 2], "a": {"y": null, "x": true}}`,
			r.IntN(10000), r.IntN(99999),
		)
		c.set("Content-Type", "application/json")
	}
	if r.IntN(2) == 0 {
		c.set("X-Amz-Meta-Title", pick(r, "two  spaces   here", "plain title", "a   b"))
	}
	if r.IntN(3) == 0 {
		c.set("Accept-Encoding", "identity")
	}
	if r.IntN(3) == 0 {
		c.set("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==")
	}
	g.call = c
}

// onTheWay are the changes after signing.
var onTheWay = []struct {
	name  string
	cause diagnosis.Cause
	apply func(g *generated, c *call)
}{
	{"redirected as GET", "changed-method", func(_ *generated, c *call) { c.method, c.body = "GET", nil }},
	{"PUT for POST", "changed-method", func(_ *generated, c *call) { c.method = map[string]string{"PUT": "POST", "POST": "PUT"}[c.method] }},
	{"path encoded again", "changed-path", func(_ *generated, c *call) { c.path = strings.ReplaceAll(c.path, "%", "%25") }},
	{"path decoded", "changed-path", func(g *generated, c *call) {
		c.path = strings.NewReplacer("%3A", ":", "%2C", ",", "%40", "@").Replace(c.path)
	}},
	{"slashes collapsed", "changed-path", func(_ *generated, c *call) { c.path = strings.ReplaceAll(c.path, "//", "/") }},
	{"slash added", "changed-path", func(_ *generated, c *call) { c.path += "/" }},
	{"stage removed", "changed-path", func(_ *generated, c *call) { _, rest, _ := strings.Cut(c.path[1:], "/"); c.path = "/" + rest }},
	{"prefix added", "changed-path", func(_ *generated, c *call) { c.path = "/proxy" + c.path }},
	{"hexadecimal in small letters", "changed-path", func(_ *generated, c *call) {
		c.path = strings.NewReplacer("%C3%BC", "%c3%bc", "%3A", "%3a").Replace(c.path)
	}},
	{"parameter added", "changed-query", func(_ *generated, c *call) { c.query = strings.TrimPrefix(c.query+"&api-version=2016-06-01", "&") }},
	{"parameter removed", "changed-query", func(_ *generated, c *call) { _, c.query, _ = strings.Cut(c.query, "&") }},
	{"value changed", "changed-query", func(_ *generated, c *call) { c.query = strings.Replace(c.query, "limit=", "limit=9", 1) }},
	{"plus sent plain", "changed-query", func(_ *generated, c *call) { c.query = strings.ReplaceAll(c.query, "%2B", "+") }},
	{"query encoded again", "changed-query", func(_ *generated, c *call) { c.query = strings.ReplaceAll(c.query, "%", "%25") }},
	{"port in host", "changed-host", func(_ *generated, c *call) { c.host += ":443" }},
	{"another host", "changed-host", func(_ *generated, c *call) { c.host = "internal.example.com" }},
	{"charset appended", "changed-header", func(g *generated, c *call) {
		c.set("Content-Type", c.get("Content-Type")+pick(g.r, "; charset=utf-8", ";charset=UTF-8"))
	}},
	{"another content type", "changed-header", func(_ *generated, c *call) { c.set("Content-Type", "text/plain") }},
	{"accept-encoding replaced", "changed-header", func(_ *generated, c *call) {
		if c.get("Accept-Encoding") != "" {
			c.set("Accept-Encoding", "gzip, deflate, br")
		}
	}},
	{"md5 dropped", "dropped-header", func(_ *generated, c *call) { c.drop("Content-MD5") }},
	{"title dropped", "dropped-header", func(_ *generated, c *call) { c.drop("X-Amz-Meta-Title") }},
	{"type sent twice", "changed-header", func(_ *generated, c *call) {
		c.headers = append(c.headers, [2]string{"Content-Type", c.get("Content-Type")})
	}},
	{"line feed added", "changed-body", func(g *generated, c *call) { c.body = append(c.body, pick(g.r, "\n", "\r\n")...) }},
	{"line feed removed", "changed-body", func(_ *generated, c *call) { c.body = bytes.TrimRight(c.body, "\n") }},
	{"CR LF", "changed-body", func(_ *generated, c *call) { c.body = bytes.ReplaceAll(c.body, []byte("\n"), []byte("\r\n")) }},
	{"line feeds lost", "changed-body", func(_ *generated, c *call) { c.body = bytes.ReplaceAll(c.body, []byte("\n"), nil) }},
	{"byte order mark", "changed-body", func(_ *generated, c *call) { c.body = append([]byte("\xEF\xBB\xBF"), c.body...) }},
	{"JSON rewritten", "changed-body", func(g *generated, c *call) { rewriteJSON(g.r, c) }},
	{"JSON as a string", "changed-body", func(_ *generated, c *call) { c.body, _ = json.Marshal(string(c.body)) }},
	{"base64", "changed-body", func(_ *generated, c *call) { c.body = []byte(base64.StdEncoding.EncodeToString(c.body)) }},
	{"envelope", "changed-body", func(_ *generated, c *call) {
		c.body = []byte(`{"$content-type":"` + c.get("Content-Type") + `","$content":"` + base64.StdEncoding.EncodeToString(c.body) + `"}`)
	}},
	{"form rewritten", "changed-body", func(_ *generated, c *call) {
		if v, err := url.ParseQuery(string(c.body)); err == nil && strings.Contains(c.get("Content-Type"), "form") {
			c.body = []byte(v.Encode())
		}
	}},
	{"plus in form", "changed-body", func(_ *generated, c *call) { c.body = bytes.ReplaceAll(c.body, []byte("%20"), []byte("+")) }},
	{"Latin-1", "changed-body", func(_ *generated, c *call) { c.body = latin1(c.body) }},
	{"UTF-8 twice", "changed-body", func(_ *generated, c *call) {
		var out []rune
		for _, b := range c.body {
			out = append(out, rune(b))
		}
		c.body = []byte(string(out))
	}},
	{"question marks", "changed-body", func(_ *generated, c *call) {
		c.body = []byte(strings.Map(func(r rune) rune {
			if r > 0x7F {
				return '?'
			}
			return r
		}, string(c.body)))
	}},
	{"gzip", "changed-body", func(_ *generated, c *call) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(c.body)
		_ = w.Close()
		c.body = b.Bytes()
		c.set("Content-Encoding", "gzip")
	}},
	{"body lost", "changed-body", func(_ *generated, c *call) { c.body = nil }},
	{"placeholder filled in", "changed-body", func(g *generated, c *call) { c.body = fmt.Appendf(c.body, "%d", g.r.IntN(1e9)) }},
}
