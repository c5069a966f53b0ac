package reading

import (
	"net/url"
	"strings"
)

// readURL reads a URL alone on a line, such as a presigned one.
func (r *reader) readURL(v Value, _ int) int {
	line, next := v.line(0)
	m := bareURL().FindStringSubmatchIndex(strings.TrimLeft(line.Text(), " \t\ufeff"))
	skipped := line.Len() - len(strings.TrimLeft(line.Text(), " \t\ufeff"))
	u := line.Slice(skipped+m[2], skipped+m[3])
	r.add(Exchange{Form: FormURL, Request: r.urlRequest(u)})
	r.part(FormURL, "", line)
	return next
}

func (r *reader) urlRequest(u Value) *Request {
	q := &Request{Form: FormURL, URL: u, Body: Body{State: BodyUnknown}}
	if isPresigned(u.Text()) {
		r.note("method_unknown", u.Span(), false)
	}
	return q
}

func isPresigned(u string) bool {
	return strings.Contains(u, "X-Amz-Signature=") || strings.Contains(u, "AWSAccessKeyId=") && strings.Contains(u, "Signature=")
}

// presignedIn finds presigned URLs in the middle of a text.
func (r *reader) presignedIn(v Value) {
	s := v.Text()
	for pos := 0; ; {
		next := strings.Index(s[pos:], "http")
		if next < 0 {
			return
		}
		pos += next
		length := strings.IndexAny(s[pos:], " \t\r\n\"'<>`")
		if length < 0 {
			length = len(s) - pos
		}
		u := v.Slice(pos, pos+length)
		if text := u.Text(); (strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")) && isPresigned(text) {
			r.add(Exchange{Form: FormURL, Request: r.urlRequest(u)})
		}
		pos += max(length, 1)
	}
}

func schemeFor(host string) string {
	u, err := url.Parse("//" + host)
	if err == nil && (u.Port() == "80" || u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1") {
		return "http"
	}
	return "https"
}
