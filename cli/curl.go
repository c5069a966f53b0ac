package cli

import (
	"maps"
	"slices"
	"strings"
)

// curlLine writes a request as a command that a shell can run. body is the option that sends the body.
func curlLine(method, url string, headers []string, body string) string {
	line := "curl -s --path-as-is -X " + method
	if method == "HEAD" {
		line = "curl -s --path-as-is --head" // with -X, curl would wait for a body
	}
	typed := false
	for _, h := range headers {
		line += continued + "-H " + quote(h)
		typed = typed || strings.HasPrefix(strings.ToLower(h), "content-type:")
	}
	if body != "" {
		if !typed {
			line += continued + "-H 'Content-Type:'" // otherwise curl would declare a form
		}
		line += continued + body
	}
	return line + continued + quote(url)
}

const continued = " \\\n     "

// rawBody is the option that sends text as it is, even if it begins with "@".
func rawBody(text string) string {
	if text == "" {
		return ""
	}
	return "--data-raw " + quote(text)
}

func headerLines(headers map[string]string) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		lines = append(lines, name+": "+headers[name])
	}
	return lines
}

// quote makes text one word in a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
