package reading

import (
	"strings"
)

// wording is how a program reports a refusal. Its groups are named as in fact. The message is what follows the match,
// or the group message.
type wording struct {
	tool    string
	has     string
	pattern expression
}

var wordings = []wording{
	{
		"botocore", "An error occurred (",
		lazy(`An error occurred \((?P<code>[\w.]+)\) when calling the \w+ operation` +
			`(?: \(reached max retries: \d+\))?: (?P<message>[^\n]*)`),
	},
	{
		"aws-sdk-go-v2", "response error StatusCode: ",
		lazy(`https? response error StatusCode: (?P<status>\d+), RequestID: (?P<requestid>[^,\s]*),` +
			`(?: HostID: (?P<hostid>[^,\s]*),)? (?:api error )?(?P<code>\w+): (?P<message>[^\n]*)`),
	},
	{
		"aws-sdk-go", "status code: ",
		lazy(`(?:^|[\s:])(?P<code>[A-Z]\w+): (?P<message>[^\n]*)\n\s*status code: ` +
			`(?P<status>\d+), request id: (?P<requestid>[^,\s]*)(?:, host id: (?P<hostid>\S*))?`),
	},
	{
		"aws-sdk-java", "; Error Code: ",
		lazy(`\(Service: [^;()\n]*; Status Code: (?P<status>\d+); Error Code: ` +
			`(?P<code>[\w.]+); Request ID: (?P<requestid>[^;()\s]*)(?:; S3 Extended Request ID: (?P<hostid>[^;()\s]*))?`),
	},
	{
		"aws-sdk-java", "; error code: ",
		lazy(`\(service: [^;()\n]*; status code: (?P<status>\d+); error code: (?P<code>[\w.]+); request id: (?P<requestid>[^;()\s]*)`),
	},
	{
		"aws-sdk-java-v2", ", Status Code: ",
		lazy(`\(Service: [^,()\n]*, Status Code: (?P<status>\d+), Request ID: (?P<requestid>[^,()\s]*)` +
			`(?:, Extended Request ID: (?P<hostid>[^,()\s]*))?`),
	},
	{"aws-sdk-php", " (client): ", lazy(`(?P<code>[A-Z]\w+) \(client\): (?P<message>[^\n<]*)`)},
	{"aws-sdk-ruby", "::Errors::", lazy(`Aws::\w+::Errors::(?P<code>\w+)[:)]`)},
	{"aws-sdk-net", "Amazon.", lazy(`Amazon\.\w+\.(?:Model\.)?(?P<class>\w+Exception): (?P<message>[^\n]*?)(?:\r?\n| ---> )`)},
	{"aws-sdk-net", "System.FormatException", lazy(`System\.FormatException: (?P<message>[^\n]*)`)},
	{"aws-sdk-js-v3", "$metadata", lazy(`\$metadata`)},
	{"aws-sdk-js", "extendedRequestId", lazy(`extendedRequestId`)},
	{"s3cmd", "S3 error: ", lazy(`S3 error: (?P<status>\d+) \((?P<code>\w+)\)(?:: (?P<message>[^\n]*))?`)},
	{"aws-sdk-rust", "Some(", lazy(`code: Some\("(?P<code>\w+)"\), message: Some\("(?P<text>[^"\n]*)"\)`)},
	{"", "api error ", lazy(`api error (?P<code>[A-Z]\w+): (?P<message>[^\n]*)`)},
}

var (
	codeBefore  = lazy(`(?:^|[\s(\["'.:>])([A-Z][A-Za-z0-9]{4,60})(?:\([\w-]+\))?:`)
	quotedField = lazy(`\b([A-Z][A-Za-z0-9]{2,40}): (?:'([^'\n]+)'|"([^"\n]+)")`)
	lineField   = lazy(`(?m)^[ \t]*(Code|RequestId|HostId|ServerTime|Region|Endpoint): ([^\s'"][^\n]{0,500})$`)
	codeWord    = lazy(`\b[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]+)+\b`)
	idInText    = lazy(`(?i)\brequest[ -]?id:? ?['"]?([A-Za-z0-9-]{10,64})\b`)
	statusIn    = lazy(`(?i)(?:\bstatus(?: ?code)?:? ?|\b(?:status|code)(?:=>|=|: )|\bHTTP ?(?:error )?|^|` +
		`error[: (]+)([345][0-9]{2})(?:[ ,;:)]|$)`)
	authValue  = lazy(`AWS4-(?:HMAC|ECDSA-P256)-SHA256 Credential=[^\n'"<>]{10,600}?Signature=[0-9A-Za-z+/=]+`)
	ownClasses = lazy(`^(?:Amazon|Http|Web|S3|Sdk|Aws|AWS)?[A-Za-z0-9]*(?:(?:Service|Client|Request|Response|S3|Sdk)Exception)$`)
)

// wordings finds refusals by the sentences with which SDKs report them.
func (g *gatherer) wordings(v Value) {
	s := v.Text()
	for i := range wordings {
		w := &wordings[i]
		if !strings.Contains(s, w.has) {
			continue
		}
		m := w.pattern().FindStringSubmatchIndex(s)
		if m == nil {
			continue
		}
		if g.tool == "" {
			g.tool = w.tool
		}
		for j, name := range w.pattern().SubexpNames() {
			if name == "" || m[2*j] < 0 {
				continue
			}
			g.worded(name, v, m[2*j], m[2*j+1])
		}
	}
	g.codesIn(v)
	g.namedIn(v)
}

func (g *gatherer) worded(name string, v Value, start, end int) {
	part := v.Slice(start, end)
	switch name {
	case "message":
		message := messageAt(v, start)
		if part.Len() > 0 && message.Len() > 0 {
			if message.Span().Start < part.Span().Start || message.Len() < part.Len() || hasMarks(message.Text()) {
				message = part
			}
			g.strong = g.strong || len(g.out.Codes) > 0
			g.message(message)
		}
	case "text":
		g.strong = true
		g.message(part)
	case "class":
		if text := part.Text(); knownCodes()[text] || !ownClasses().MatchString(text) && !strings.HasPrefix(text, "Amazon") {
			g.code(part)
		}
	default:
		g.fact(name, part)
	}
}

// codesIn finds known codes before a colon: SignatureDoesNotMatch: The request…
func (g *gatherer) codesIn(v Value) {
	s := v.Text()
	if strings.IndexByte(s, ':') < 0 {
		return
	}
	for _, m := range codeBefore().FindAllStringSubmatchIndex(s, 200) {
		name := s[m[2]:m[3]]
		if !knownCodes()[name] {
			continue
		}
		first := len(g.out.Codes) == 0
		g.code(v.Slice(m[2], m[3]))
		rest, _ := v.from(m[1]).line(0)
		if first && rest.trim().Len() > 0 && !strings.HasPrefix(rest.Text(), "http") {
			g.message(messageOf(v, m[1]))
		}
	}
}

// codeAlone finds a known code in a text that says nothing else.
func (g *gatherer) codeAlone(v Value) {
	if len(g.out.Says)+len(g.out.Codes) > 0 || v.Len() > 4096 {
		return
	}
	for _, m := range codeWord().FindAllStringIndex(v.Text(), 50) {
		if knownCodes()[v.Text()[m[0]:m[1]]] {
			g.code(v.Slice(m[0], m[1]))
		}
	}
}

// messageOf returns the message that begins at a place, up to the end of its line or of AWS's own texts after it.
func messageOf(v Value, start int) Value {
	s := v.Text()
	end := start + len(firstLine(s[start:]))
	if strings.Contains(s[end:min(len(s), end+400)], canonicalLead) {
		end = echoEnd(s, end)
	}
	for _, stop := range []string{" (Service: ", "<?xml", "<Error"} {
		if i := strings.Index(s[start:end], stop); i > 0 {
			end = start + i
		}
	}
	return v.Slice(start, end).trim()
}

// namedIn finds named values in prose: Code: 'X' Message: "…" RequestId: '…'.
func (g *gatherer) namedIn(v Value) {
	s := v.Text()
	var named [][]int
	if strings.Contains(s, ": '") || strings.Contains(s, `: "`) {
		named = quotedField().FindAllStringSubmatchIndex(s, 100)
	}
	if strings.Contains(s, "Code: ") || strings.Contains(s, "Id: ") {
		for _, m := range lineField().FindAllStringSubmatchIndex(s, 100) {
			g.field(v.Slice(m[2], m[3]), v.Slice(m[4], m[5]))
		}
	}
	for _, m := range named {
		value := v.Slice(m[4], m[5])
		if m[4] < 0 {
			value = v.Slice(m[6], m[7])
		}
		g.field(v.Slice(m[2], m[3]), value)
	}
	if m := idInText().FindStringSubmatchIndex(s); m != nil {
		set(&g.out.RequestID, v.Slice(m[2], m[3]))
	}
	if m := statusIn().FindStringSubmatchIndex(s); m != nil {
		g.fact("status", v.Slice(m[2], m[3]))
	}
}

// authorizationIn keeps an Authorization value that an error quotes.
func (g *gatherer) authorizationIn(v Value) {
	if !strings.Contains(v.Text(), "AWS4-") {
		return
	}
	if m := authValue().FindStringIndex(v.Text()); m != nil && len(g.out.Fields) < maxFields {
		value := v.Slice(m[0], m[1])
		g.out.Fields = append(g.out.Fields, Field{derived("Authorization", value), value})
	}
}
