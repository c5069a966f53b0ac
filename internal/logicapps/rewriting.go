package logicapps

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dropped reports whether an HTTP action silently omits a header (Azure documentation, connectors-native-http). For
// PATCH and DELETE the documentation does not say whether content headers are sent: the worse case is assumed.
func dropped(method, name string) bool {
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, "accept-"):
		return name != "accept-version"
	case strings.HasPrefix(name, "content-"):
		return method != http.MethodPost && method != http.MethodPut ||
			!slices.Contains([]string{"content-disposition", "content-encoding", "content-type"}, name)
	}
	return slices.Contains([]string{"allow", "cookie", "expires", "host", "last-modified", "origin", "set-cookie", "transfer-encoding"}, name)
}

func (q *request) addEngineHeaders() {
	for name, value := range map[string]string{
		"X-Ms-Workflow-Id": "2b0f5d3c9e7a4f1d8c6b5a4938271605", "X-Ms-Workflow-Name": "orders", "X-Ms-Workflow-Version": "08584471",
		"X-Ms-Workflow-Run-Id": "08584471234567890123456789012CU00", "X-Ms-Workflow-Operation-Name": "action",
		"X-Ms-Client-Tracking-Id": "08584471234567890123456789012CU00", "Accept-Language": "en-US",
		"User-Agent": "azure-logic-apps/1.0 (workflow 2b0f5d3c9e7a4f1d8c6b5a4938271605; version 08584471)",
	} {
		q.Header.Set(name, value)
	}
}

// defaultRetries is the default policy of Logic Apps: four retries, exponential.
func defaultRetries() []time.Duration { return exponential(4, 7*time.Second, 45*time.Second) }

func exponential(count int, interval, most time.Duration) []time.Duration {
	list := make([]time.Duration, count)
	for i := range list {
		list[i] = min(interval<<min(i, 16), most)
	}
	return list
}

func retries(policy any) ([]time.Duration, error) {
	if at(policy, "type") == "none" {
		return nil, nil
	}
	count, err := strconv.Atoi(fmt.Sprint(at(policy, "count")))
	if err != nil || count < 1 || count > 90 {
		return nil, errors.New("retryPolicy: count is not from 1 to 90")
	}
	// ISO 8601, such as PT7S; its other forms are not needed here.
	text, found := strings.CutPrefix(fmt.Sprint(at(policy, "interval")), "PT")
	interval, err := time.ParseDuration(strings.ToLower(text))
	if err != nil || !found {
		return nil, errors.New("retryPolicy: interval is not a duration that is supported here")
	}
	switch at(policy, "type") {
	case "fixed":
		return exponential(count, interval, interval), nil
	case "exponential":
		return exponential(count, interval, time.Hour), nil
	}
	return nil, errors.New("retryPolicy: the type is not supported here")
}

// target is an address as .NET's Uri sends it over the wire.
type target struct{ scheme, host, path, query string }

func (t target) String() string { return t.scheme + "://" + t.host + t.path + t.query }

// url keeps the spelling: a path is sent as in RawPath, as long as that is a valid encoding of Path.
func (t target) url() *url.URL {
	plain, err := url.PathUnescape(t.path)
	if err != nil {
		panic(err) // impossible: every percent sign left is part of an escape
	}
	return &url.URL{Scheme: t.scheme, Host: t.host, Path: plain, RawPath: t.path, RawQuery: strings.TrimPrefix(t.query, "?")}
}

// normalize changes an absolute address as .NET's Uri does: host in lower case, default port removed, backslashes
// turned into slashes, escaped unreserved characters decoded, other escapes in capitals, characters that are not
// allowed in an address escaped as UTF-8, and then dot segments removed, including those that were escaped.
func normalize(raw string) (target, error) {
	scheme, rest, found := strings.Cut(strings.TrimSpace(raw), "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "http" && scheme != "https" {
		return target{}, fmt.Errorf("%q is not an absolute address", raw)
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	rest = strings.ReplaceAll(rest, `\`, "/")
	host, path, _ := strings.Cut(rest, "/")
	if host == "" || strings.ContainsAny(host, "@ ") {
		return target{}, fmt.Errorf("%q has no plain host", raw)
	}
	host = strings.ToLower(host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	t := target{scheme: scheme, host: host, path: withoutDots("/" + respelled(path))}
	if hasQuery {
		t.query = "?" + respelled(query)
	}
	return t, nil
}

const (
	unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	reserved   = ":/?[]@!$&'()*+,;="
)

func respelled(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' && i+2 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				if strings.IndexByte(unreserved, byte(n)) >= 0 {
					out.WriteByte(byte(n))
				} else {
					fmt.Fprintf(&out, "%%%02X", n)
				}
				i += 2
				continue
			}
		}
		if strings.IndexByte(unreserved+reserved, c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// withoutDots removes dot segments (RFC 3986 section 5.2.4) but keeps empty segments.
func withoutDots(path string) string {
	segments := strings.Split(path[1:], "/")
	var kept []string
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".", "..":
			if s == ".." {
				kept = kept[:max(len(kept)-1, 0)]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, s)
		}
	}
	return "/" + strings.Join(kept, "/")
}
