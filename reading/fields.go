package reading

import (
	"strconv"
	"strings"
)

// field keeps a named value, and knows what the usual names mean.
func (g *gatherer) field(name, v Value) {
	f := &g.out
	if len(f.Fields) < maxFields && name.Len() > 0 {
		f.Fields = append(f.Fields, Field{name, v})
	}
	switch key := squeeze(local(name.Text())); key {
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
		g.told(key, v)
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

// told takes a message; one of a page's headings or of a tool stands behind
// AWS's sentences.
func (g *gatherer) told(key string, v Value) {
	if v = v.trim(); v.Len() == 0 {
		return
	}
	if text := v.Text(); key == "message" && (text == "Forbidden" || text == "Unauthorized") {
		g.say(v, &bareSentence, 0)
		return
	}
	if key == "message" || key == "errormessage" {
		if len(g.named) < 20 {
			g.named = append(g.named, v)
		}
		return
	}
	if len(g.dull) < 20 {
		g.dull = append(g.dull, v)
	}
}

// local is a name without the prefix of its namespace in XML.
func local(name string) string {
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		return name[i+1:]
	}
	return name
}

// squeeze is a name without case, hyphens and underscores.
func squeeze(name string) string {
	return strings.ToLower(nameMarks.Replace(name))
}

var nameMarks = strings.NewReplacer("-", "", "_", "", "$", "") // to make one takes longer than to use it

func isEcho(name string) bool {
	switch squeeze(name) {
	case "canonicalrequest", "stringtosign", "canonicalrequestbytes", "stringtosignbytes":
		return true
	}
	return false
}

// echo takes a text that AWS computed. Bytes win over text, since browsers make
// blanks of line feeds.
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
