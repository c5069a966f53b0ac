package reading

import "strings"

// The parameters of Invoke-RestMethod and Invoke-WebRequest, with and without a value.
const (
	invokeValues = `uri method custommethod headers body contenttype useragent infile form websession sessionvariable outfile
		timeoutsec credential authentication token proxy certificate certificatethumbprint maximumredirection
		transferencoding httpversion sslprotocol retryintervalsec maximumretrycount proxycredential
		responseheadersvariable statuscodevariable connectiontimeoutseconds operationtimeoutseconds`
	invokeSwitches = `usebasicparsing skipcertificatecheck skiphttperrorcheck skipheadervalidation usedefaultcredentials
		disablekeepalive passthru preserveauthorizationonredirect allowunencryptedauthentication resume noproxy
		followrellink verbose allowinsecureredirect`
)

// invoke is a call of Invoke-RestMethod while it is read.
type invoke struct {
	r      *reader
	values map[string]psToken
}

// readPowerShell reads a call of Invoke-RestMethod or Invoke-WebRequest.
func (r *reader) readPowerShell(v Value, _ int) int {
	start := commandStart(v.Text())
	p := &powershell{r: r, v: v, s: v.Text(), pos: start}
	p.pos += len(psName().FindString(firstLine(p.s[start:])))
	call := &invoke{r: r, values: map[string]psToken{}}
	for {
		token, ok := p.token()
		if !ok {
			break
		}
		call.parameter(p, token)
	}
	call.lookUp(v)
	if q := call.request(); q != nil {
		r.add(Exchange{Form: FormPowerShell, Request: q})
	}
	end := max(p.pos, start+1)
	r.part(FormPowerShell, "powershell", v.Slice(start, end))
	r.shell = FormCurlPowerShell
	return end
}

func (c *invoke) parameter(p *powershell, token psToken) {
	text := token.value.Text()
	if token.kind != 'w' || !strings.HasPrefix(text, "-") {
		if _, have := c.values["uri"]; !have {
			c.values["uri"] = token
		}
		return
	}
	name, rest, inline := strings.Cut(strings.ToLower(text[1:]), ":")
	full, takes := invokeParameter(name)
	switch {
	case full == "":
		c.r.note("option_unknown", token.value.Span(), true)
	case !takes:
	case inline && rest != "":
		c.values[full] = psToken{value: token.value.from(len(text) - len(rest)), kind: 'w'}
	default:
		if value, ok := p.token(); ok {
			c.values[full] = value
		}
	}
}

// invokeParameter finds a parameter by its name or a prefix of it.
func invokeParameter(name string) (full string, takesValue bool) {
	for i, list := range []string{invokeValues, invokeSwitches} {
		for candidate := range strings.FieldsSeq(list) {
			if candidate == name {
				return candidate, i == 0
			}
		}
	}
	for i, list := range []string{invokeValues, invokeSwitches} {
		for candidate := range strings.FieldsSeq(list) {
			if name != "" && strings.HasPrefix(candidate, name) {
				return candidate, i == 0
			}
		}
	}
	return "", false
}

// lookUp replaces variables by the values that lines above assign to them.
func (c *invoke) lookUp(v Value) {
	above := Value{v.in, 0, v.start}
	for _, name := range []string{"uri", "headers", "body", "contenttype", "method"} {
		token, ok := c.values[name]
		variable := token.value.Text()
		if !ok || token.kind != 'x' || psVariable().FindString(variable) != variable || c.r.wasted > maxWasted {
			continue
		}
		c.r.wasted += above.Len() // each call searches all the text above
		at := assignment(above.Text(), variable)
		if at < 0 {
			continue
		}
		p := &powershell{r: c.r, v: above, s: above.Text(), pos: at}
		if set, ok := p.token(); ok && set.kind != 'x' {
			c.values[name] = set
		}
	}
}

// assignment returns where the last value assigned to a variable begins, or -1.
func assignment(text, variable string) int {
	found := -1
	for pos := 0; pos < len(text); pos += lineLength(text[pos:]) {
		line := text[pos : pos+lineLength(text[pos:])]
		rest := strings.TrimLeft(line, " \t")
		if len(rest) < len(variable) || !strings.EqualFold(rest[:len(variable)], variable) {
			continue
		}
		if value, ok := strings.CutPrefix(strings.TrimLeft(rest[len(variable):], " \t"), "="); ok {
			found = pos + len(line) - len(value)
		}
	}
	return found
}

func (c *invoke) request() *Request {
	uri, ok := c.values["uri"]
	if !ok {
		c.r.note("url_missing", Span{}, true)
		return nil
	}
	q := &Request{Form: FormPowerShell, URL: uri.value, Method: literal("GET"), Headers: c.values["headers"].table}
	q.Body = Body{State: BodyAbsent, Exact: true}
	for _, name := range []string{"custommethod", "method"} {
		if m, ok := c.values[name]; ok {
			q.Method = derived(strings.ToUpper(m.value.Text()), m.value)
			if strings.ToUpper(m.value.Text()) == m.value.Text() {
				q.Method = m.value
			}
		}
	}
	if c.values["headers"].kind == 'x' {
		c.r.note("variable", c.values["headers"].value.Span(), true)
	}
	d := &document{r: c.r, claimed: map[*node]bool{}}
	if kindOf, ok := c.values["contenttype"]; ok {
		d.contentType(q, kindOf.value)
		q.Headers[len(q.Headers)-1].Implied = false
	}
	if agent, ok := c.values["useragent"]; ok {
		q.Headers = append(q.Headers, newHeader(derived("User-Agent", agent.value), agent.value))
	}
	c.body(q, d)
	c.r.mark(q)
	return q
}

func (c *invoke) body(q *Request, d *document) {
	if form, ok := c.values["form"]; ok {
		c.r.noteMultipart(form.value.Span())
		q.Body = Body{State: BodyUnknown}
	}
	if file, ok := c.values["infile"]; ok {
		q.Body = Body{State: BodyUnknown, Content: file.value}
		q.addPlaceholder("/body", file.value, 0, file.value.Len())
	}
	body, ok := c.values["body"]
	if !ok {
		return
	}
	switch {
	case body.kind == 'x':
		q.Body = Body{State: BodyUnknown, Content: body.value}
		q.addPlaceholder("/body", body.value, 0, body.value.Len())
	case body.kind == 't':
		var b builder
		for i, p := range body.table {
			if i > 0 {
				b.add("&")
			}
			escapeTo(&b, p.Name)
			b.add("=")
			escapeTo(&b, p.Value)
		}
		if strings.EqualFold(q.Method.Text(), "GET") {
			q.URL = join(q.URL, literal("?"), b.value())
			return
		}
		q.Body = bodyOf(b.value(), false)
	default:
		q.Body = bodyOf(body.value, true)
	}
	d.contentType(q, derived("application/x-www-form-urlencoded", body.value.Slice(0, 1)))
}
