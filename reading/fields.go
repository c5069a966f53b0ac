package reading

import (
	"strconv"
	"strings"
)

// field keeps a named value, and interprets the usual names.
func (g *gatherer) field(name, v Value) {
	f := &g.out
	if len(f.Fields) < maxFields && name.Len() > 0 {
		f.Fields = append(f.Fields, Field{name, v})
	}
	switch key := normalName(localName(name.Text())); key {
	case "code", "type", "errortype", "errorcode", "xamznerrortype", "exceptiontype", "awserrorcode", "faultcode",
		"xamzerrorcode", "xminioerrorcode":
		if key == "type" && !strings.HasPrefix(name.Text(), "__") {
			return
		}
		g.code(v)
	case "name", "error", "errorname", "exception":
		if text := v.Text(); codePattern().MatchString(text) && knownCodes()[text] {
			g.code(v)
		}
	case "message", "errormessage", "errordescription", "rawerrormessage", "faultstring", "xamzerrormessage", "xminioerrordesc",
		"detail", "details", "description", "msg", "reason", "title", "h1", "h2", "pre":
		g.addMessage(key, v)
	case "requestid", "xamznrequestid", "xamzrequestid", "awsrequestid":
		set(&f.RequestID, v)
	case "hostid", "extendedrequestid", "xamzid2", "s3extendedrequestid":
		set(&f.HostID, v)
	case "httpstatuscode", "statuscode", "httpcode", "httpstatus", "status":
		if code, err := strconv.Atoi(v.trim().Text()); err == nil && code >= 300 && code <= 599 && f.Status == 0 {
			f.Status = code
		}
	case "servertime", "date":
		set(&f.ServerTime, v)
	case "requesttime":
		set(&f.SignedTime, v)
	case "awsaccesskeyid":
		set(&f.AccessKeyID, v)
	case "signatureprovided":
		set(&f.SignatureProvided, v)
	case "headersnotsigned":
		set(&f.HeadersNotSigned, v)
	case "region", "xamzbucketregion", "bucketregion":
		if v.trim().Text() != "null" {
			set(&f.Region, v)
		}
	case "canonicalrequest", "stringtosign", "canonicalrequestbytes", "stringtosignbytes":
		g.echo(key, v)
	}
}

// addMessage keeps a message. Messages of AWS come before the headings of a page and the messages of a tool.
func (g *gatherer) addMessage(key string, v Value) {
	if v = v.trim(); v.Len() == 0 {
		return
	}
	if text := v.Text(); key == "message" && (text == "Forbidden" || text == "Unauthorized") {
		g.say(v, &bareSentence, 0)
		return
	}
	if key == "message" || key == "errormessage" {
		if len(g.namedMessages) < 20 {
			g.namedMessages = append(g.namedMessages, v)
		}
		return
	}
	if len(g.otherTexts) < 20 {
		g.otherTexts = append(g.otherTexts, v)
	}
}

// localName returns an XML name without its namespace prefix.
func localName(name string) string {
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		return name[i+1:]
	}
	return name
}

// normalName returns a name in lower case without hyphens and underscores.
func normalName(name string) string {
	return strings.ToLower(nameMarks.Replace(name))
}

var nameMarks = strings.NewReplacer("-", "", "_", "", "$", "") // building it takes longer than using it

func isEcho(name string) bool {
	switch normalName(name) {
	case "canonicalrequest", "stringtosign", "canonicalrequestbytes", "stringtosignbytes":
		return true
	}
	return false
}

// echo keeps a text that AWS computed. Bytes take precedence over text, because browsers turn line feeds into blanks.
func (g *gatherer) echo(key string, v Value) {
	g.strong = true
	field, i := &g.out.CanonicalRequest, 0
	if strings.HasPrefix(key, "string") {
		field, i = &g.out.StringToSign, 1
	}
	if !strings.HasSuffix(key, "bytes") {
		if !g.exact[i] {
			*field = v
		}
		return
	}
	decoded, ok := g.r.fromHex(v)
	if !ok {
		g.r.out.Cut = true
		return
	}
	*field, g.exact[i] = decoded, true
}
