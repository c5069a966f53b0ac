package diagnosis

import "strings"

// maxQuoted is how many secrets are collected from a text.
const maxQuoted = 64

// quotedSecrets returns the secrets of other schemes that a text repeats: what follows Bearer or Basic, and what AWS
// quotes because it is not a key=value pair. They must not be shown anywhere, with the scheme's name or without.
func quotedSecrets(text string) []string {
	var found []string
	lower := strings.ToLower(text)
	if len(lower) != len(text) { // some letter is longer in lower case; then find only the usual spelling
		lower = strings.NewReplacer("Bearer ", "bearer ", "Basic ", "basic ").Replace(text)
	}
	for _, scheme := range []string{"bearer ", "basic "} {
		for at := 0; len(found) < maxQuoted; {
			i := strings.Index(lower[at:], scheme)
			if i < 0 {
				break
			}
			at += i + len(scheme)
			value := text[at:]
			if n := strings.IndexAny(value, "& \t\r\n,;'\"<>"); n >= 0 {
				value = value[:n]
			}
			if len(value) >= 8 && !plainWord(value) {
				found = append(found, value)
			}
		}
	}
	const noPair = "' not a valid key=value pair"
	for at := 0; len(found) < 2*maxQuoted; {
		i := strings.Index(text[at:], noPair)
		if i < 0 {
			break
		}
		before := text[:at+i]
		if start := strings.LastIndexByte(before, '\''); start >= 0 && len(before)-start > 8 {
			found = append(found, before[start+1:])
		}
		at += i + len(noPair)
	}
	return found
}
