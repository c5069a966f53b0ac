package access

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Callers choose much of what is recorded, even callers who are denied. With these limits a line has at most 64 KiB,
// whatever the request holds.
const (
	maxText  = 1 << 10 // bytes of a string, as JSON
	maxList  = 4 << 10 // bytes of a list, as JSON
	maxNames = 64
)

// bound shortens what is too long. Shortened values say so, with the length and the hash of the original, by which it
// can be found. It covers every string that is not chosen by this package alone.
func (r *Record) bound() {
	for _, text := range [...]*string{
		&r.EventID, &r.RequestID, &r.CallerID, &r.ApplicationID, &r.ObjectID, &r.Issuer, &r.ClientIP, &r.Decision, &r.Reason,
		&r.Profile, &r.AccessKeyID, &r.RoleARN, &r.SessionName, &r.SourceIdentity, &r.IdentityID, &r.STSRequestID,
		&r.Method, &r.Host, &r.Region, &r.Service, &r.Operation, &r.Path,
		&r.SignedHeaders, &r.PayloadSHA256, &r.SignatureSHA256, &r.AmzDate,
		&r.Of, &r.Outcome, &r.AWSCode, &r.AWSRequestID, &r.RemoteAddress,
		&r.WorkflowID, &r.WorkflowName, &r.RunID, &r.OperationName, &r.ClientTrackingID, &r.ActionTrackingID,
		&r.CorrelationID, &r.InvocationID, &r.Traceparent, &r.TraceID, &r.SpanID, &r.Flags,
		&r.ConfigHash, &r.ConfigSHA256, &r.PoliciesSHA256,
	} {
		*text = shorten(*text)
	}
	for _, list := range [...]*[]string{
		&r.Policies, &r.Notes, &r.QueryKeys, &r.CallersAdded, &r.CallersRemoved, &r.CallersChanged,
		&r.ProfilesAdded, &r.ProfilesRemoved, &r.ProfilesChanged, &r.SettingsChanged,
	} {
		*list = shortenList(*list)
	}
}

func shorten(s string) string {
	if len(s) <= maxText/longestEscape {
		return s
	}
	if n := fitting(s, maxText); n < len(s) {
		return fmt.Sprintf("%s…(%d bytes, sha256:%s)", s[:n], len(s), digest(s))
	}
	return s
}

// shortenList keeps the first entries and the last one.
func shortenList(list []string) []string {
	if isShort(list) {
		return list
	}
	last := len(list) - 1
	end := shorten(list[last])
	left := maxList - jsonSize(end)
	out := make([]string, 0, min(last, maxNames)+2)
	for i, s := range list[:last] {
		s = shorten(s)
		if left -= jsonSize(s); left < 0 || i == maxNames-1 {
			out = append(out, fmt.Sprintf("…(%d in all, sha256:%s)", len(list), digest(strings.Join(list, "\n"))))
			break
		}
		out = append(out, s)
	}
	return append(out, end)
}

// isShort reports whether a list surely fits, without looking at each character. Most lists do.
func isShort(list []string) bool {
	left := maxList
	for _, s := range list {
		left -= len(`"",`) + longestEscape*len(s)
		if len(s) > maxText/longestEscape {
			return false
		}
	}
	return left >= 0 && len(list) <= maxNames
}

// longestEscape is the most bytes that one byte can take in JSON.
const longestEscape = len(`\u0000`)

// fitting returns how many leading bytes of s fit into limit bytes of JSON.
func fitting(s string, limit int) int {
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if limit -= runeSize(c, n); limit < 0 {
			return i
		}
		i += n
	}
	return len(s)
}

func jsonSize(s string) int {
	size := len(`"",`)
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		size += runeSize(c, n)
		i += n
	}
	return size
}

// runeSize returns how many bytes encoding/json writes for a character of n bytes.
func runeSize(c rune, n int) int {
	switch {
	case c < ' ', c == 0x2028, c == 0x2029, c == utf8.RuneError && n == 1:
		return len(`\u0000`) // or shorter
	case c == '"', c == '\\':
		return 2
	}
	return n
}
