package reading

import (
	"cmp"
	"slices"
	"strings"
)

// Secret is a range of the paste that must not be shown, logged or stored. The signature in an Authorization header
// is not one: it is useless to anyone after a few minutes, and diagnosis needs it.
type Secret struct {
	Kind string // session-token, secret-key, bearer, basic, cookie, api-key, password, token
	Span Span
}

const mask = "[redacted]"

// Redact returns a text with everything that looks like a secret removed.
func Redact(text string) string {
	spans := secretsIn(text)
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	pos := 0
	for _, s := range spans {
		b.WriteString(text[pos:s.Span.Start])
		b.WriteString(mask)
		pos = s.Span.End
	}
	b.WriteString(text[pos:])
	return b.String()
}

// Redacted returns the text that was read, without its secrets.
func (r *Reading) Redacted() string {
	paste := r.paste.Text()
	var b strings.Builder
	pos := 0
	for _, s := range r.Secrets {
		if s.Span.Start < pos || s.Span.End > len(paste) {
			continue
		}
		b.WriteString(paste[pos:s.Span.Start])
		b.WriteString(mask)
		pos = s.Span.End
	}
	b.WriteString(Redact(paste[min(pos, len(paste)):]))
	return b.String()
}

// isPlaceholder reports whether a value is something that a tool fills in.
func isPlaceholder(value string) bool {
	if scheme, rest, ok := strings.Cut(value, " "); ok && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Basic")) {
		value = rest
	}
	return value == "" || strings.IndexByte("$@%*", value[0]) >= 0 ||
		strings.HasPrefix(value, "{{") || strings.HasPrefix(value, "[redacted") ||
		strings.EqualFold(value, "null") || strings.EqualFold(value, "undefined") || strings.EqualFold(value, "none")
}

// findSecrets marks what looks like a secret in a text made from the paste.
func (r *reader) findSecrets(v Value) {
	for _, s := range secretsIn(v.Text()) {
		r.secret(s.Kind, v.Slice(s.Span.Start, s.Span.End))
	}
}

func (r *reader) secret(kind string, v Value) {
	if len(r.spans) > 20_000 || isPlaceholder(v.Text()) {
		return
	}
	for _, s := range v.Spans() {
		r.spans = append(r.spans, Secret{kind, s})
	}
}

// secretsOf marks the secrets of a message by the names of its headers.
func (r *reader) secretsOf(headers []Header) {
	for _, h := range headers {
		if h.Secret != "" {
			r.secret(h.Secret, h.Value)
		}
	}
}

// mergeSecrets sorts the secrets and merges those that overlap.
func mergeSecrets(list []Secret) []Secret {
	slices.SortFunc(list, func(a, b Secret) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(b.Span.End, a.Span.End), cmp.Compare(a.Kind, b.Kind))
	})
	var merged []Secret
	for _, s := range list {
		if n := len(merged); n > 0 && s.Span.Start < merged[n-1].Span.End {
			merged[n-1].Span.End = max(merged[n-1].Span.End, s.Span.End)
			continue
		}
		if s.Span.End > s.Span.Start {
			merged = append(merged, s)
		}
	}
	return merged
}
