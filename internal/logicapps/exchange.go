package logicapps

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"strings"
)

// httpResponse is the response to a request.
type httpResponse struct {
	status int
	header http.Header
	body   []byte
}

// value returns the response's body: JSON is parsed, text becomes a string, anything else an envelope.
func (a httpResponse) value() (any, error) {
	switch {
	case len(a.body) == 0:
		return nil, nil
	case a.isJSON():
		return Parse(a.body)
	case strings.HasPrefix(a.media(), "text/"):
		return strings.ToValidUTF8(string(a.body), "\uFFFD"), nil
	}
	return Object{{"$content-type", a.header.Get("Content-Type")}, {"$content", base64.StdEncoding.EncodeToString(a.body)}}, nil
}

func (a httpResponse) media() string {
	media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return media
}

func (a httpResponse) isJSON() bool {
	return a.media() == "application/json" || strings.HasSuffix(a.media(), "+json")
}

func joined(header http.Header) Object {
	var o Object
	for name, values := range header {
		o = append(o, Member{name, strings.Join(values, ",")})
	}
	return o
}

// exchange sends a request and repeats it as its policy says, with the same headers each time.
func (r *Run) exchange(ctx context.Context, a *Action, q *request) (httpResponse, error) {
	for attempt := 0; ; attempt++ {
		got, err := r.once(ctx, a, q)
		again := err != nil || got.status == http.StatusRequestTimeout || got.status == http.StatusTooManyRequests || got.status >= 500
		if !again || attempt >= len(q.retries) || ctx.Err() != nil {
			return got, err
		}
		if err := r.engine.Sleep(ctx, q.retries[attempt]); err != nil {
			return httpResponse{}, err
		}
	}
}

func (r *Run) once(ctx context.Context, a *Action, q *request) (httpResponse, error) {
	sent := q.Call
	sent.URL, sent.Header = q.target.String(), q.Header.Clone()
	request := (&http.Request{
		Method: q.Method, URL: q.target.url(), Host: q.target.host, Header: sent.Header, ContentLength: int64(len(q.Body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if len(q.Body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(q.Body))
	}
	defer func() { a.Calls = append(a.Calls, sent) }()
	response, err := r.engine.Transport.RoundTrip(request)
	if err != nil {
		return httpResponse{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	sent.Status, sent.ResponseBody = response.StatusCode, body
	return httpResponse{response.StatusCode, response.Header, body}, err
}
