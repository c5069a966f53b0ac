package diagnosis

import (
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/signing"
)

var commonTypes = []string{
	"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8", "application/json; charset=UTF-8",
	"application/json;charset=UTF-8", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8",
	"application/x-www-form-urlencoded;charset=UTF-8", "application/x-www-form-urlencoded; " +
		"charset=UTF-8", "application/x-amz-json-1.0", "application/x-amz-json-1.1",
	"text/plain", "text/plain;charset=UTF-8", "text/plain; charset=utf-8", "application/octet-stream",
	"binary/octet-stream", "application/xml", "text/xml",
	"application/x-ndjson", "text/csv", "multipart/form-data", "",
	"image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp", "image/svg+xml", "application/pdf", "application/zip",
	"application/gzip", "application/x-gzip", "application/x-zip-compressed", "text/html", "text/html; charset=utf-8",
	"text/csv; charset=utf-8", "text/xml; charset=utf-8",
	"application/xml; charset=utf-8", "video/mp4", "audio/mpeg", "application/javascript", "text/css",
	"application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

// usualValues are the values of other headers that clients and proxies replace.
var usualValues = map[string][]string{
	"accept-encoding":              {"identity", "gzip", "gzip, deflate", "gzip, deflate, br", "gzip, deflate, br, zstd", "*"},
	"accept":                       {"application/json", "*/*", "application/json, text/plain, */*", "application/xml", "text/html"},
	"cache-control":                {"no-cache", "no-store", "max-age=0", "private", "public"},
	"connection":                   {"keep-alive", "close", "Keep-Alive", "Close"},
	"content-encoding":             {"gzip", "aws-chunked", "identity", "br"},
	"x-amz-acl":                    {"private", "public-read", "bucket-owner-full-control", "public-read-write", "authenticated-read"},
	"x-amz-storage-class":          {"STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER", "ONEZONE_IA"},
	"x-amz-server-side-encryption": {"AES256", "aws:kms"},
	"transfer-encoding":            {"chunked"},
	"expect":                       {"100-continue"},
	"pragma":                       {"no-cache"},
}

func headerMistake(detail, place, note string, apply func(*parts)) mistake {
	return mistake{dimension: inHeaders, cause: "signed-headers", detail: detail, place: place, note: note, apply: apply}
}

func (m *mismatch) headerMistakes(base *canonical, given *message) []mistake {
	var list []mistake
	add := func(detail, place, note string, apply func(*parts)) {
		list = append(list, headerMistake(detail, place, note, apply))
	}
	set := func(text string) func(*parts) { return func(p *parts) { p.headers = text } }
	add("blank-line", "header", "The empty line after the headers was not "+
		"signed.", func(p *parts) { p.headers = strings.TrimSuffix(p.headers, "\n") })
	add("line-ends", "header", "The lines were signed with CR LF.", func(p *parts) { p.crlf = true })
	add("line-ends", "header", "The lines of the headers were signed with CR "+
		"LF.", func(p *parts) { p.headers = strings.ReplaceAll(p.headers, "\n", "\r\n") })
	add("value-not-trimmed", "header", "A space after each colon was "+
		"signed.", set(base.lines(func(h signing.Header) string { return h.Name + ": " + h.Value })))
	if given != nil {
		list = append(list, m.rawHeaders(base, given)...)
	}
	add("name-case", "header", "The names of the headers were signed with "+
		"capitals.", set(base.lines(titledLine)))
	add("name-case", "header", "The names of the headers were signed and listed with capitals.", func(p *parts) {
		p.headers, p.list = base.lines(titledLine), titledList(p.list)
	})
	add("blank-line", "header", "Two empty lines were signed after the headers.", func(p *parts) { p.headers += "\n" })
	list = append(list, signedHeadersForms(base)...)
	list = append(list, headerOrders(base, m.claim.names(), given)...)
	list = append(list, m.hostMistakes(base)...)
	list = append(list, otherValues(base)...)
	list = append(list, m.replacedValues(base, given)...)
	list = append(list, m.unlisted(base, given)...)
	for i, h := range base.headers {
		without := slices.Delete(slices.Clone(base.headers), i, i+1)
		fewer := canonical{headers: without}
		lines := fewer.lines(canonicalLine)
		add("", "header:"+h.Name, h.Name+" is listed, and its line was not signed.", set(lines))
		names := strings.Split(base.signedHeaders, ";")
		if j := slices.Index(names, h.Name); j >= 0 {
			shorter := strings.Join(slices.Delete(names, j, j+1), ";")
			add("", "header:"+h.Name, h.Name+" was listed after signing.", func(p *parts) { p.headers, p.list = lines, shorter })
		}
	}
	return list
}

// rawHeaders are the values as they were sent, not folded or not trimmed.
func (m *mismatch) rawHeaders(base *canonical, given *message) []mistake {
	var list []mistake
	var loose, raw strings.Builder
	place := "header"
	for _, h := range base.headers {
		value := given.signedValue(h.Name)
		unfolded, untouched := value, value
		for _, sent := range given.headers {
			if strings.EqualFold(sent.Name, h.Name) && strings.TrimSpace(sent.Value) == value {
				untouched = sent.Value
			}
		}
		if unfolded != h.Value || untouched != h.Value {
			place = "header:" + h.Name
		}
		loose.WriteString(h.Name + ":" + unfolded + "\n")
		raw.WriteString(h.Name + ":" + untouched + "\n")
	}
	one, other := loose.String(), raw.String()
	list = append(list, headerMistake("value-not-folded", place, "Runs of spaces in a value were signed as they "+
		"are.", func(p *parts) { p.headers = one }))
	return append(list, headerMistake("value-not-trimmed", place, "Spaces at the ends of a value were "+
		"signed.", func(p *parts) { p.headers = other }))
}

func titledLine(h signing.Header) string { return titleCase(h.Name) + ":" + h.Value }

// titleCase writes a header name as HTTP/1.1 clients do.
func titleCase(name string) string {
	pieces := strings.Split(name, "-")
	for i, p := range pieces {
		if p != "" {
			pieces[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(pieces, "-")
}

func titledList(list string) string {
	names := strings.Split(list, ";")
	for i, n := range names {
		names[i] = titleCase(n)
	}
	return strings.Join(names, ";")
}

// hostMistakes are other hosts that signers use.
func (m *mismatch) hostMistakes(base *canonical) []mistake {
	host, ok := base.value("host")
	if !ok {
		return nil
	}
	name, port, _ := strings.Cut(host, ":")
	hosts := []string{name + ":443", name + ":80", strings.ToUpper(host), "https://" + host, host + "/", "http://" + host}
	if port != "" {
		hosts = append([]string{name}, hosts...)
	}
	service, region := m.claim.service(), m.claim.region()
	hosts = append(hosts, service+"."+region+".amazonaws.com", service+".amazonaws.com", service+"-"+region+".amazonaws.com", "localhost", "")
	if _, rest, ok := strings.Cut(name, "."); ok {
		hosts = append(hosts, rest)
	}
	hosts = append(hosts, m.hostsInPaste()...)
	var list []mistake
	for _, h := range hosts {
		text := withValue(base, "host", h)
		note := "The host was signed as " + orThe(h, "nothing") + "."
		list = append(list, headerMistake("host", "header:host", note, func(p *parts) { p.headers = text }))
	}
	return list
}

var hostPattern = lazyregexp.New(`\b(?:[a-z0-9][a-z0-9-]{0,62}\.)+[a-z]{2,24}(?::[0-9]{2,5})?\b`)

// hostsInPaste returns all hosts that the paste names: the one the client connected to, for example, or the one
// before a proxy.
func (m *mismatch) hostsInPaste() []string {
	hosts := hostPattern().FindAllString(m.in.Paste[:min(len(m.in.Paste), maxResponse)], 200)
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	return hosts[:min(len(hosts), 20)]
}

// withValue returns the header lines with another value for one header.
func withValue(base *canonical, name, value string) string {
	other := canonical{headers: slices.Clone(base.headers)}
	for i := range other.headers {
		if other.headers[i].Name == name {
			other.headers[i].Value = value
		}
	}
	return other.lines(canonicalLine)
}

func changedHeader(name, signed, sent string) func() difference {
	return func() difference { return headerDifference(name, signed, sent) }
}

// replacedValues: something after the signer replaced a header that repeats a part of the signature.
func (m *mismatch) replacedValues(base *canonical, given *message) []mistake {
	var list []mistake
	for _, h := range base.headers {
		switch held := m.in.Credentials.SessionToken(); {
		case h.Name == "x-amz-security-token" && held != "" && held != h.Value:
			text := withValue(base, h.Name, held)
			list = append(list, mistake{
				dimension: inHeaders, cause: "changed-header", place: "header:" + h.Name, change: changedHeader(h.Name, held, h.Value),
				apply: func(p *parts) { p.headers = text },
			})
		case h.Name == "x-amz-content-sha256" && h.Value == base.payload:
			hashes := []string{signing.UnsignedPayload, signing.PayloadHash(nil), "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
			if given != nil && given.bodyKnown {
				hashes = append(hashes, hashOf(given.body))
			}
			for _, hash := range hashes {
				text := withValue(base, h.Name, hash)
				list = append(list, mistake{
					dimension: inHeaders, cause: "changed-header", place: "header:" + h.Name, change: changedHeader(h.Name, hash, h.Value), rare: true,
					apply: func(p *parts) { p.headers, p.payload = text, hash },
				})
			}
		}
	}
	return list
}

// otherValues: a header changed after it was signed, as the signature shows.
func otherValues(base *canonical) []mistake {
	var list []mistake
	add := func(name, value, signed string) {
		text := withValue(base, name, signed)
		list = append(list, mistake{
			dimension: inHeaders, cause: "changed-header", place: "header:" + name, change: changedHeader(name, signed, value),
			apply: func(p *parts) { p.headers = text },
		})
	}
	for _, h := range base.headers {
		switch h.Name {
		case "host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256":
			continue
		case "content-type":
			if i := strings.IndexByte(h.Value, ';'); i >= 0 {
				add(h.Name, h.Value, strings.TrimSpace(h.Value[:i]))
			}
			for _, t := range commonTypes {
				add(h.Name, h.Value, t)
			}
			add(h.Name, h.Value, h.Value+"; charset=utf-8")
			add(h.Name, h.Value, h.Value+";charset=UTF-8")
		default:
			add(h.Name, h.Value, "")
			for _, v := range usualValues[h.Name] {
				add(h.Name, h.Value, v)
			}
		}
		if half, again, ok := strings.Cut(h.Value, ","); ok && strings.TrimSpace(half) == strings.TrimSpace(again) {
			add(h.Name, h.Value, half)
		}
		if lower := strings.ToLower(h.Value); lower != h.Value {
			add(h.Name, h.Value, lower)
		}
	}
	return list
}
