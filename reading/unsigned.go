package reading

import (
	"slices"
	"strconv"
	"strings"
)

// Unsigned returns the request to sign again: without its signature, and without the headers that its tool adds and
// AWS ignores. It reports whether there was a signature. Placeholders stay at the bytes that they stand for.
func (q *Request) Unsigned() (*Request, bool) {
	out := *q
	url, moved := q.URL.withoutSignature()
	signed := url.Len() != q.URL.Len()
	for _, h := range q.Headers {
		signed = signed || isSignature(h)
	}
	out.URL, out.Headers = url, nil
	places := map[string]string{} // new places of headers, by their places in q
	for i, h := range q.Headers {
		if !leftToSigning(h, signed) {
			places[strconv.Itoa(i)] = strconv.Itoa(len(out.Headers))
			out.Headers = append(out.Headers, h)
		}
	}
	out.Placeholders = nil
	for _, p := range q.Placeholders {
		if p.Field == "/url" {
			p.Start, p.End = moved(p.Start), moved(p.End)
			if p.Start == p.End && p.Text.Len() > 0 {
				continue
			}
		}
		if rest, ok := strings.CutPrefix(p.Field, "/headerList/"); ok {
			place, field, _ := strings.Cut(rest, "/")
			if places[place] == "" {
				continue
			}
			p.Field = "/headerList/" + places[place] + "/" + field
		}
		out.Placeholders = append(out.Placeholders, p)
	}
	return &out, signed
}

func isSignature(h Header) bool {
	return strings.EqualFold(h.Name.Text(), "Authorization") && strings.HasPrefix(strings.TrimSpace(h.Value.Text()), "AWS4-")
}

// leftToSigning reports whether a header is either set again by signing or the client's own.
func leftToSigning(h Header, signed bool) bool {
	switch name := strings.ToLower(h.Name.Text()); name {
	case "x-amz-date", "x-amz-security-token", "x-amz-region-set", "content-length":
		return true
	case "x-amz-content-sha256":
		value := strings.TrimSpace(h.Value.Text())
		return isHash(value) || strings.HasPrefix(value, "STREAMING-")
	case "date":
		return signed
	case "content-type":
		return false
	}
	return h.Implied || isSignature(h)
}

func isHash(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// signatureParameters are the parameters that presigning adds to a URL.
var signatureParameters = []string{
	"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature", "x-amz-security-token",
	"x-amz-content-sha256", "x-amz-region-set",
}

// withoutSignature returns a URL without the parameters of presigning, if it has a signature, and a function that
// maps byte offsets in the old URL to the new one.
func (v Value) withoutSignature() (Value, func(int) int) {
	url := v.Text()
	at := strings.IndexByte(url, '?')
	if at < 0 || !strings.Contains(strings.ToLower(url[at:]), "x-amz-signature=") {
		return v, func(i int) int { return i }
	}
	parts := []Value{v.Slice(0, at)}
	var removed []Span
	for start, kept := at, 0; start < len(url); {
		end := start + 1 + len(url[start+1:])
		if i := strings.IndexByte(url[start+1:], '&'); i >= 0 {
			end = start + 1 + i
		}
		name, _, _ := strings.Cut(url[start+1:end], "=")
		switch {
		case slices.Contains(signatureParameters, strings.ToLower(name)):
			removed = append(removed, Span{start, end})
		case kept == 0:
			kept++
			parts = append(parts, v.Slice(at, at+1), v.Slice(start+1, end))
			if start > at { // the first one that is kept comes after the question mark
				removed[len(removed)-1].End++
				removed[0].Start++
			}
		default:
			parts = append(parts, v.Slice(start, end))
		}
		start = end
	}
	return join(parts...), func(i int) int {
		to := i
		for _, s := range removed {
			to -= min(max(i-s.Start, 0), s.End-s.Start)
		}
		return to
	}
}
