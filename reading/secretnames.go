package reading

import (
	"strings"
)

// secretsIn finds values that a text assigns to a secret's name, in any notation, and values that look like secrets
// by themselves. It starts from the separator and looks at the name before it, because all notations have a
// separator; so one pass is enough.
func secretsIn(text string) []Secret {
	var found []Secret
	add := func(kind string, start, end int) {
		if start < end && !isPlaceholder(text[start:end]) && text[start:end] != mask {
			found = append(found, Secret{kind, Span{start, end}})
		}
	}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ':', '=', '>':
			name := nameBefore(text, i)
			if kind := kindOfName(name); kind != "" {
				start, end := valueAfter(text, i, kind)
				add(kind, start, end)
				i = max(i, end-1)
			} else if namesKeyID(name) {
				if start, end := valueAfter(text, i, ""); looksSecret(text[start:end]) {
					add("secret-key", start, end)
				}
			}
		}
	}
	swappedIn(text, add)
	for _, p := range secretShapes {
		for pos := 0; ; {
			next := strings.Index(text[pos:], p.has)
			if next < 0 {
				break
			}
			pos += next
			if m := p.pattern().FindStringSubmatchIndex(text[pos:min(len(text), pos+maxSecret)]); m != nil && m[2] >= 0 {
				add(p.kind, pos+m[2], pos+m[3])
				pos += m[1]
				continue
			}
			pos += len(p.has)
		}
	}
	return mergeSecrets(found)
}

// swappedIn finds secrets in the place of the key id: secret/date/region/service/aws4_request.
func swappedIn(text string, add func(kind string, start, end int)) {
	for pos := 0; ; {
		next := strings.Index(text[pos:], "aws4_request")
		if next < 0 {
			return
		}
		from := max(pos, pos+next-maxCredential)
		for _, m := range idOfCredential().FindAllStringSubmatchIndex(text[from:pos+next], 4) {
			if looksSecret(percentEncoded.Replace(text[from+m[2] : from+m[3]])) {
				add("secret-key", from+m[2], from+m[3])
			}
		}
		pos += next + len("aws4_request")
	}
}

const maxCredential = 400 // bytes from the key id to the end of the scope

var (
	idOfCredential = lazy(`((?:[A-Za-z0-9/+]|%2[BFbf]){40,}?)(?:/|%2[Ff])[0-9]{8}(?:/|%2[Ff])`)
	percentEncoded = strings.NewReplacer("%2F", "/", "%2f", "/", "%2B", "+", "%2b", "+")
)

// namesKeyID reports whether a name is that of an access key id, which is not secret but may have been swapped with a
// secret.
func namesKeyID(name string) bool {
	if len(name) < 9 || strings.IndexByte("dDyY", name[len(name)-1]) < 0 {
		return false
	}
	name = normalName(name)
	return strings.HasSuffix(name, "accesskeyid") || strings.HasSuffix(name, "accesskey")
}

// looksSecret reports whether a text has the form of a secret access key: 40 base64 characters. Other vendors' key
// ids of that length are hexadecimal.
func looksSecret(text string) bool {
	upper, lower := false, false
	for _, c := range text {
		switch {
		case 'A' <= c && c <= 'Z':
			upper = true
		case 'a' <= c && c <= 'z':
			lower = true
		case !('0' <= c && c <= '9' || c == '/' || c == '+'):
			return false
		}
	}
	return len(text) == 40 && upper && lower
}

const maxSecret = 64 << 10 // no secret is longer

// secretShapes are secrets that are recognized without a name.
var secretShapes = []struct {
	kind, has string
	pattern   expression
}{
	{"bearer", "earer", lazy(`^earer(?:[ \t]+|%20)([A-Za-z0-9._~+/=%-]{4,})`)},
	{"bearer", "EARER", lazy(`^EARER(?:[ \t]+|%20)([A-Za-z0-9._~+/=%-]{4,})`)},
	{"basic", "asic ", lazy(`^asic[ \t]+([A-Za-z0-9+/=%]{8,})`)},
	{"bearer", "eyJ", lazy(`^(eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){1,4})`)},
	{"password", "-u", lazy(`^-u[ =]?["'^]{0,2}[^:\s"'=]{1,200}:([^\s"'^]+)`)},
	{"password", "--user", lazy(`^--user[ =]["'^]{0,2}[^:\s"'=]{1,200}:([^\s"'^]+)`)},
	{"password", "://", lazy(`^://[^\s/:@"'?#]{0,200}:([^\s/@"'?#]+)@`)},
}

// nameBefore returns the name that ends before a separator, or before the quotes, backslashes and blanks in front of
// it.
func nameBefore(text string, at int) string {
	end := at
	for end > 0 && at-end < 8 && strings.IndexByte(" \t\"'\\^`", text[end-1]) >= 0 {
		end--
	}
	start := end
	for start > 0 && end-start < 80 && isNameByte(text[start-1]) && text[start-1] < 0x80 {
		start--
	}
	if start > 0 && strings.IndexByte("?&", text[start-1]) >= 0 && text[start:end] == "code" {
		return "functions-key"
	}
	return text[start:end]
}

// valueAfter returns where the value after a separator begins and ends.
func valueAfter(text string, at int, kind string) (start, end int) {
	start = at + 1
	xml := text[at] == '>'
	if text[at] == '=' && strings.HasPrefix(text[start:], ">") {
		start++
	}
	for start < len(text) && start-at < 16 {
		python := strings.HasPrefix(text[start:], "b'") || strings.HasPrefix(text[start:], `b"`) || strings.HasPrefix(text[start:], `b\`)
		if !python && strings.IndexByte(" \t\"'\\^`", text[start]) < 0 {
			break
		}
		start++
	}
	stops := " \t\r\n\"'\\&<>;,{}^`"
	switch {
	case xml:
		stops = "<"
	case kind == "cookie" || kind == "bearer":
		stops = "\r\n\"'\\<>^`"
	}
	for end = start; end < len(text); end++ {
		if strings.IndexByte(stops, text[end]) < 0 {
			continue
		}
		skip := continuation(text[end:])
		if skip == 0 {
			break
		}
		end += skip - 1
	}
	if strings.HasPrefix(text[start:end], "AWS") && kind == "bearer" {
		return start, start // a signature is not a secret
	}
	return start, end
}

var (
	escapedInside = lazy(`^\\+(?:/|u[0-9a-fA-F]{4})`)
	lostPlus      = lazy(`^ [A-Za-z0-9+/=%_-]{16,}`)
)

// continuation returns how much of a possible end of the value still belongs to it: an escaped slash, or a blank that
// was a + within a token.
func continuation(rest string) int {
	switch rest[0] {
	case '\\':
		return len(escapedInside().FindString(rest[:min(len(rest), 40)]))
	case ' ':
		return len(lostPlus().FindString(rest[:min(len(rest), 4096)]))
	}
	return 0
}

// kindOfName returns the kind of secret with this name, or "".
func kindOfName(name string) string {
	if len(name) < 6 {
		return ""
	}
	name = normalName(name)
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.HasSuffix(name, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("securitytoken", "sessiontoken"), len(name) == 6 && strings.HasPrefix(name, "token") && isDigits(name[5:]):
		return "session-token"
	case has("secretaccesskey", "secretkey", "awssecret", "clientsecret", "customerkey"):
		return "secret-key"
	case has("apikey", "functionskey", "subscriptionkey"):
		return "api-key"
	case has("password", "passwd", "privatekey", "secret"):
		return "password"
	case has("accesstoken", "refreshtoken", "idtoken", "authtoken", "vaulttoken", "csrftoken", "authorizationtoken"):
		return "token"
	case has("cookie"):
		return "cookie"
	case has("authorization"):
		return "bearer"
	}
	return ""
}

// headerSecret returns the kind of secret in a header's value, or "".
func headerSecret(name, value string) string {
	kind := kindOfName(name)
	if kind != "bearer" {
		return kind
	}
	scheme, _, _ := strings.Cut(value, " ")
	switch {
	case value == "" || strings.HasPrefix(scheme, "AWS"):
		return ""
	case strings.EqualFold(scheme, "basic"):
		return "basic"
	}
	return "bearer"
}
