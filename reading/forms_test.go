package reading

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// sample is a request with the response to it, to be written in many forms.
type sample struct {
	Method, URL     string
	Headers         []pair
	Body            string
	Status          int // 0 for no response
	ResponseHeaders []pair
	Content         string
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// writtenForm is a form to write a sample in. can reports whether the form can hold a sample.
type writtenForm struct {
	name     string
	form     Form
	write    func(*rand.Rand, *sample) string
	response bool // it also holds the response
	can      func(*sample) bool
}

func anything(*sample) bool { return true }

// plainHeaders reports whether each name occurs once, as in an object.
func plainHeaders(s *sample) bool {
	seen := map[string]bool{}
	for _, h := range slices.Concat(s.Headers, s.ResponseHeaders) {
		if seen[strings.ToLower(h.Name)] {
			return false
		}
		seen[strings.ToLower(h.Name)] = true
	}
	return true
}

func textBody(s *sample) bool { return utf8.ValidString(s.Body) && utf8.ValidString(s.Content) }

func both(s *sample) bool { return plainHeaders(s) && textBody(s) }

// oneLine reports whether a command line can hold the sample.
func oneLine(s *sample) bool {
	return textBody(s) && !strings.ContainsAny(s.Body, "\x00\r\n") && s.Body != ""
}

var writtenForms = []writtenForm{
	{"http", FormHTTP, writeHTTP, true, anything},
	{"http with windows line ends", FormHTTP, func(r *rand.Rand, s *sample) string {
		head, body, _ := strings.Cut(writeHTTP(r, &sample{Method: s.Method, URL: s.URL, Headers: s.Headers, Body: s.Body}), "\n\n")
		return strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
	}, false, anything},
	{"curl bash", FormCurlBash, writeBash, false, func(s *sample) bool { return textBody(s) && !strings.ContainsAny(s.Body, "\x00") }},
	{
		"curl bash, one line each", FormCurlBash, writeBashLines, false,
		func(s *sample) bool { return textBody(s) && !strings.ContainsAny(s.Body, "\x00") },
	},
	{"curl cmd, carets", FormCurlCmd, writeCmd, false, oneLine},
	{"curl powershell", FormCurlPowerShell, writeCurlPowerShell, false, oneLine},
	{"powershell", FormPowerShell, writePowerShell, false, func(s *sample) bool { return both(s) && !strings.Contains(s.Body, "\x00") }},
	{"curl trace", FormCurlTrace, writeTrace, true, func(s *sample) bool { return !isTraceMark(firstLine(s.Content)) }},
	{"fetch", FormFetch, writeFetch, false, both},
	{"axios", FormAxios, writeAxios, false, both},
	{"har", FormHAR, writeHAR, true, textBody},
	{"postman", FormPostman, writePostman, true, textBody},
	{"logic apps", FormLogicApps, writeLogicApps, true, both},
	{"logic apps, binary", FormLogicApps, writeLogicAppsBinary, true, plainHeaders},
	{"n8n", FormN8N, writeN8N, false, both},
	{"countersign", FormCountersign, writeCountersign, false, anything},
	{"log line", "", func(r *rand.Rand, s *sample) string {
		return `2026-11-28T19:07:48Z ERROR {"level":"error","event":` + quoted(writeHAR(r, s)) + "}"
	}, true, textBody},
	{"log line, escaped twice", "", func(r *rand.Rand, s *sample) string {
		return `{"log":` + quoted(`{"message":`+quoted(writeHAR(r, s))+`,"x":1}`) + "}"
	}, true, textBody},
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func object(list []pair) string {
	var parts []string
	for _, h := range list {
		parts = append(parts, quoted(h.Name)+": "+quoted(h.Value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func list(pairs []pair, name string) string {
	var parts []string
	for _, h := range pairs {
		parts = append(parts, fmt.Sprintf(`{%q: %s, "value": %s}`, name, quoted(h.Name), quoted(h.Value)))
	}
	return "[" + strings.Join(parts, ",\n ") + "]"
}

func hostAndTarget(u string) (host, target string) {
	_, rest, _ := strings.Cut(u, "://")
	i := strings.IndexAny(rest, "/?")
	return rest[:i], rest[i:]
}

func writeHTTP(_ *rand.Rand, s *sample) string {
	var b strings.Builder
	host, target := hostAndTarget(s.URL)
	fmt.Fprintf(&b, "%s %s HTTP/1.1\nHost: %s\n", s.Method, target, host)
	for _, h := range s.Headers {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	if s.Body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\n", len(s.Body))
	}
	b.WriteString("\n" + s.Body)
	if s.Status > 0 {
		fmt.Fprintf(&b, "\n\nHTTP/1.1 %d Any Reason\n", s.Status)
		for _, h := range s.ResponseHeaders {
			fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
		}
		fmt.Fprintf(&b, "Content-Length: %d\n\n%s", len(s.Content), s.Content)
	}
	return b.String()
}

func writeTrace(r *rand.Rand, s *sample) string {
	var b strings.Builder
	host, target := hostAndTarget(s.URL)
	fmt.Fprintf(
		&b, "*   Trying 192.0.2.1:443...\n* Connected to %s (192.0.2.1) port 443\n> %s %s HTTP/1.1\n> Host: %s\n", host, s.Method,
		target, host,
	)
	for _, h := range s.Headers {
		fmt.Fprintf(&b, "> %s: %s\n", h.Name, h.Value)
	}
	if s.Body != "" {
		fmt.Fprintf(&b, "> Content-Length: %d\n", len(s.Body))
	}
	b.WriteString([]string{">\n", "> \n"}[r.IntN(2)])
	if s.Status > 0 {
		fmt.Fprintf(&b, "< HTTP/1.1 %d Any Reason\n", s.Status)
		for _, h := range s.ResponseHeaders {
			fmt.Fprintf(&b, "< %s: %s\n", h.Name, h.Value)
		}
		fmt.Fprintf(&b, "< Content-Length: %d\n<\n%s\n* Connection #0 to host %s left intact\n", len(s.Content), s.Content, host)
	}
	return b.String()
}

func curlOptions(s *sample, quote func(string) string) []string {
	parts := []string{"curl", quote(s.URL), "-X", quote(s.Method), "-H", quote("Accept:")}
	for _, h := range s.Headers {
		if strings.EqualFold(h.Name, "Accept") {
			parts[5] = quote("X-Unused:")
		}
		parts = append(parts, "-H", quote(h.Name+": "+h.Value))
	}
	if s.Body != "" {
		if !slices.ContainsFunc(s.Headers, func(h pair) bool { return strings.EqualFold(h.Name, "Content-Type") }) {
			parts = append(parts, "-H", quote("Content-Type:"))
		}
		parts = append(parts, "--data-raw", quote(s.Body))
	}
	return parts
}

func writeBash(r *rand.Rand, s *sample) string {
	return strings.Join(curlOptions(s, func(arg string) string { return quoteBash(r, arg) }), " ")
}

func writeBashLines(r *rand.Rand, s *sample) string {
	return "$ " + strings.Join(curlOptions(s, func(arg string) string { return quoteBash(r, arg) }), " \\\n  ")
}

// quoteBash writes an argument with bash's quoting styles, changing between them.
func quoteBash(r *rand.Rand, arg string) string {
	var b strings.Builder
	for arg != "" || b.Len() == 0 {
		n := len(arg)
		if n > 0 && r.IntN(2) == 0 {
			n = 1 + r.IntN(n)
			for n < len(arg) && !utf8.RuneStart(arg[n]) {
				n++
			}
		}
		part := arg[:n]
		arg = arg[n:]
		switch r.IntN(4) {
		case 0:
			b.WriteString("'" + strings.ReplaceAll(part, "'", `'\''`) + "'")
		case 1:
			b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(part) + `"`)
		case 2:
			b.WriteString("$'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "ü", `\u00fc`, "a", `\x61`, "b", `\142`).Replace(part) + "'")
		default:
			for _, c := range part {
				switch {
				case c == '\n':
					b.WriteString("'\n'")
				case c == '\r': // at the end of a line it would be part of a Windows line ending
					b.WriteString(`$'\r'`)
				case c < 0x80 && !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '/'):
					b.WriteString(`\` + string(c))
				default:
					b.WriteRune(c)
				}
			}
			if part == "" {
				b.WriteString("''")
			}
		}
	}
	return b.String()
}

// quoteC writes an argument as Windows programs read it.
func quoteC(arg string) string {
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for i := range len(arg) {
		switch arg[i] {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteByte(arg[i])
	}
	return b.String() + strings.Repeat(`\`, 2*slashes) + `"`
}

func writeCmd(r *rand.Rand, s *sample) string {
	return strings.Join(curlOptions(s, func(arg string) string {
		var b strings.Builder
		for _, c := range quoteC(arg) {
			if strings.ContainsRune(`"\&|<>^%!{}()`, c) || r.IntN(8) == 0 {
				b.WriteByte('^')
			}
			b.WriteRune(c)
		}
		return b.String()
	}), " ^\n  ")
}

func quotePowerShell(r *rand.Rand, arg string) string {
	if r.IntN(2) == 0 {
		return "'" + strings.ReplaceAll(arg, "'", "''") + "'"
	}
	return `"` + strings.NewReplacer("`", "``", `"`, "`\"", "$", "`$", "\n", "`n").Replace(arg) + `"`
}

func writeCurlPowerShell(r *rand.Rand, s *sample) string {
	if strings.Contains(s.Body, `\"`) {
		s.Body = strings.ReplaceAll(s.Body, `\"`, `"`) // these two cannot be distinguished
	}
	parts := curlOptions(s, func(arg string) string { return quotePowerShell(r, strings.ReplaceAll(arg, `"`, `\"`)) })
	parts[0] = "curl.exe"
	return "PS C:\\> " + strings.Join(parts, " `\n  ")
}

func writePowerShell(r *rand.Rand, s *sample) string {
	var table []string
	for _, h := range s.Headers {
		table = append(table, quotePowerShell(r, h.Name)+" = "+quotePowerShell(r, h.Value))
	}
	command := "Invoke-RestMethod -Uri " + quotePowerShell(r, s.URL) + " `\n -Method " + quotePowerShell(r, s.Method) +
		" `\n -Headers @{\n  " + strings.Join(table, []string{"\n  ", "; "}[r.IntN(2)]) + "\n}"
	if s.Body != "" {
		command += " -Body " + quotePowerShell(r, s.Body)
	}
	return command
}

func writeFetch(_ *rand.Rand, s *sample) string {
	body := ""
	if s.Body != "" {
		body = ",\n  \"body\": " + quoted(s.Body)
	}
	return fmt.Sprintf(
		"await fetch(%s, {\n  \"headers\": %s%s,\n  \"method\": %s,\n  \"mode\": \"cors\"\n});", quoted(s.URL), object(s.Headers),
		body, quoted(s.Method),
	)
}

func writeAxios(_ *rand.Rand, s *sample) string {
	single := func(text string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`).Replace(text) + "'"
	}
	var headers []string
	for _, h := range s.Headers {
		headers = append(headers, single(h.Name)+": "+single(h.Value))
	}
	data := ""
	if s.Body != "" {
		data = "\n  data: " + single(s.Body) + ", // as text"
	}
	return fmt.Sprintf(
		"axios({ method: %s, url: %s,%s\n headers: { %s }, });", single(s.Method), single(s.URL), data, strings.Join(headers, ", "),
	)
}

func writeHAR(_ *rand.Rand, s *sample) string {
	body, response := "", ""
	if s.Body != "" {
		body = `, "postData": {"mimeType": "x", "text": ` + quoted(s.Body) + "}"
	}
	if s.Status > 0 {
		response = fmt.Sprintf(
			`, "response": {"status": %d, "statusText": "x", "headers": %s, "content": {"size": %d, "text": %s}}`, s.Status,
			list(s.ResponseHeaders, "name"), len(s.Content), quoted(s.Content),
		)
	}
	return fmt.Sprintf(`{"log": {"version": "1.2", "entries": [{"startedDateTime": "2026-11-28T19:07:48Z", `+
		`"request": {"method": %s, "url": %s, "httpVersion": "h2", "headers": %s%s}%s}]}}`,
		quoted(s.Method), quoted(s.URL), list(s.Headers, "name"), body, response)
}

func writePostman(_ *rand.Rand, s *sample) string {
	body, response := "", ""
	if s.Body != "" {
		body = `, "body": {"mode": "raw", "raw": ` + quoted(s.Body) + "}"
	}
	if s.Status > 0 {
		response = fmt.Sprintf(
			`{"name": "x", "status": "Any", "code": %d, "header": %s, "body": %s}`, s.Status, list(s.ResponseHeaders, "key"), quoted(s.Content),
		)
	}
	return fmt.Sprintf(`{"info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}, `+
		`"item": [{"name": "x", "request": {"method": %s, "header": %s, "url": {"raw": %s}%s}, "response": [%s]}]}`,
		quoted(s.Method), list(s.Headers, "key"), quoted(s.URL), body, response)
}

func writeLogicApps(_ *rand.Rand, s *sample) string {
	body, outputs := "", ""
	if s.Body != "" {
		body = `, "body": ` + quoted(s.Body)
	}
	if s.Status > 0 {
		outputs = fmt.Sprintf(
			",\n \"outputs\": {\"statusCode\": %d, \"headers\": %s, \"body\": %s}", s.Status, object(s.ResponseHeaders), quoted(s.Content),
		)
	}
	return fmt.Sprintf(
		"{\"name\": \"HTTP\", \"status\": \"Failed\", \"code\": \"ActionFailed\",\n \"inputs\": {\"method\": %s, \"uri\": %s,"+
			" \"headers\": %s%s}%s}",
		quoted(s.Method), quoted(s.URL), object(s.Headers), body, outputs,
	)
}

func writeLogicAppsBinary(_ *rand.Rand, s *sample) string {
	envelope := func(text string) string {
		return `{"$content-type": "x/y", "$content": "` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}`
	}
	body, outputs := "", ""
	if s.Body != "" {
		body = `, "body": ` + envelope(s.Body)
	}
	if s.Status > 0 {
		outputs = fmt.Sprintf(`"outputs": {"body": %s, "headers": %s, "statusCode": %d}, `,
			envelope(s.Content), object(s.ResponseHeaders), s.Status)
	}
	return fmt.Sprintf(
		`{%s"inputs": {"uri": %s, "method": %s, "headers": %s%s}}`, outputs, quoted(s.URL), quoted(s.Method), object(s.Headers),
		body,
	)
}

func writeN8N(_ *rand.Rand, s *sample) string {
	body := ""
	if s.Body != "" {
		body = `, "sendBody": true, "contentType": "raw", "body": ` + quoted("="+s.Body)
	}
	return fmt.Sprintf(`{"nodes": [{"parameters": {"method": %s, "url": %s, "sendHeaders": true, `+
		`"headerParameters": {"parameters": %s}%s, "options": {}}, "type": "n8n-nodes-base.httpRequest"}], "connections": {}}`,
		quoted(s.Method), quoted(s.URL), list(s.Headers, "name"), body)
}

func writeCountersign(_ *rand.Rand, s *sample) string {
	body := ""
	if s.Body != "" {
		body = `, "bodyBase64": "` + base64.StdEncoding.EncodeToString([]byte(s.Body)) + `"`
	}
	return fmt.Sprintf(
		`{"method": %s, "url": %s, "headers": %s, "headerList": %s%s, "payloadSha256": "x"}`, quoted(s.Method), quoted(s.URL),
		object(s.Headers), list(s.Headers, "name"), body,
	)
}

// Typographic quotes are a mistake if they replace plain ones, and text inside plain ones.
func TestRead_TypographicQuotes(t *testing.T) {
	for paste, want := range map[string]bool{
		"curl https://h.example/ -d “a”": true, "curl https://h.example/ -d '“a”'": false, `curl https://h.example/ -d "‘a"`: false,
		"curl ^\"https://h.example/^\" --data-raw ^\"‘a^\"": false, "curl “https://h.example/”": true,
	} {
		r := Read(paste)
		if got := slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Code == "smart_quotes" }); got != want {
			t.Errorf("%s: smart quotes are noted: %t, want %t", paste, got, want)
		}
	}
}

// A document for this service may have its query beside the URL.
func TestRead_QueryOfADocument(t *testing.T) {
	for _, test := range []struct{ paste, want string }{
		{`{"method":"GET","url":"https://h.example/a","query":{"q":"a b","r":["1","2"]}}`, "https://h.example/a?q=a%20b&r=1&r=2"},
		{`{"method":"GET","url":"https://h.example/a?p=0","query":{"q":"&"},"headerList":[]}`, "https://h.example/a?p=0&q=%26"},
		{`{"method":"GET","url":"https://h.example/a?p=0","query":"p=0"}`, "https://h.example/a?p=0"},
		{`{"log":{"entries":[{"request":{"method":"GET","url":"https://h.example/a?p=0","query":{"p":"0"}}}]}}`, "https://h.example/a?p=0"},
	} {
		r := Read(test.paste)
		if q := r.Request(); q == nil || q.URL.Text() != test.want {
			t.Errorf("%s: %v, want %s", test.paste, q, test.want)
		}
	}
}

// checkSample compares a paste in a form with the sample that it was made from.
func checkSample(t *testing.T, f *writtenForm, paste string, s *sample) {
	t.Helper()
	r := Read(paste)
	checkReading(t, paste, &r)
	q := r.Request()
	if q == nil {
		t.Fatalf("no request in\n%s", paste)
	}
	fail := func(what, got, want string) {
		t.Helper()
		t.Fatalf("%s: got %q, want %q in\n%s", what, got, want, paste)
	}
	if f.form != "" && q.Form != f.form {
		fail("form", string(q.Form), string(f.form))
	}
	if q.Method.Text() != s.Method {
		fail("method", q.Method.Text(), s.Method)
	}
	if q.URL.Text() != s.URL {
		fail("URL", q.URL.Text(), s.URL)
	}
	if got := headersOf(q.Headers); !slices.Equal(got, s.Headers) {
		fail("headers", fmt.Sprint(got), fmt.Sprint(s.Headers))
	}
	if f.form == FormCurlTrace {
		if want := map[bool]BodyState{true: BodyAbsent, false: BodyUnknown}[s.Body == ""]; q.Body.State != want {
			fail("body's state", string(q.Body.State), string(want))
		}
	} else if q.Body.Content.Text() != s.Body || (q.Body.State == BodyPresent) != (s.Body != "") {
		fail("body "+string(q.Body.State), q.Body.Content.Text(), s.Body)
	}
	for _, n := range r.Notes {
		if n.Error {
			t.Fatalf("refused with %s in\n%s", n.Code, paste)
		}
	}
	if !f.response || s.Status == 0 {
		return
	}
	e := r.Exchanges[0]
	if e.Response == nil || e.Response.Status != s.Status || !slices.Equal(headersOf(e.Response.Headers), s.ResponseHeaders) ||
		e.Response.Body.Content.Text() != s.Content {
		t.Fatalf("response %+v, want %d %v %q in\n%s", e.Response, s.Status, s.ResponseHeaders, s.Content, paste)
	}
}

// headersOf omits what the forms add.
func headersOf(headers []Header) []pair {
	var got []pair
	for _, h := range headers {
		if name := h.Name.Text(); !h.Implied && name != "Host" && name != "Content-Length" {
			got = append(got, pair{name, h.Value.Text()})
		}
	}
	return got
}

func TestRead_RandomRequestsInEveryForm(t *testing.T) {
	for i := range writtenForms {
		f := &writtenForms[i]
		t.Run(f.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, uint64(i)))
			tried, want := 0, 300
			if testing.Short() {
				want = 60
			}
			for tried < want {
				s := randomSample(r)
				if !f.can(s) {
					continue
				}
				tried++
				paste := f.write(r, s)
				checkSample(t, f, paste, s)
			}
		})
	}
}

func randomSample(r *rand.Rand) *sample {
	s := &sample{Method: pick(r, "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")}
	s.URL = "https://" + pick(r, "sqs.eu-west-1.amazonaws.com", "h.example:8443", "b.s3.amazonaws.com") + "/" + pick(
		r, "", "a", "a%20b/c", "it's", "x//y", "$LATEST", "a:b@c", "100%25", "~u", "(x)",
	) +
		pick(r, "", "?", "?a=1&b=2", "?q=it's+%22so%22", "?x=$y&z=`w`", "?Action=Get&Version=2011-06-15", "?p=%2B%C3%BC", "?r=<&s=>|!^")
	for range r.IntN(4) {
		s.Headers = append(s.Headers, pair{
			pick(r, "X-Amz-Date", "Content-Type", "X-Amz-Target", "x-api-key", "Authorization", "Accept", "X-Y"),
			pick(
				r, "1", "a b  c", "application/json; charset=utf-8", `it's "quoted"`, "back\\slash", "100%", "ü", "$HOME `x` !",
				"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261128/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=00",
			),
		})
	}
	s.Body = pick(
		r, "", "", "a=1&b=2", `{"a":"it's \"so\"","b":1.50}`, "a,b\n1,2\n", "line\r\nline", "\n\nx", "ü\u2028😀", `\`, `"`, "'",
		"$x `y` %PATH% ^ !", "\x00\xff\xfe", "@file", "<a>&amp;</a>", "-d", "HTTP is fine", " lead and trail ", "{{x",
	)
	if strings.Contains(s.Body, "{{") {
		s.Body = "{x"
	}
	if r.IntN(2) == 0 {
		s.Status = 200 + r.IntN(350)
		for range r.IntN(3) {
			s.ResponseHeaders = append(
				s.ResponseHeaders,
				pair{
					pick(r, "x-amzn-RequestId", "Content-Type", "Date", "x-amzn-ErrorType"),
					pick(r, "a", "text/xml", "Sat, 28 Nov 2026 19:07:48 GMT"),
				},
			)
		}
		s.Content = pick(
			r, `{"message":"Forbidden"}`, "<Error><Code>AccessDenied</Code></Error>", "plain", `{"message":"a\nb"}`,
			"<?xml version=\"1.0\"?>\n<Error/>",
		)
	}
	return s
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }
