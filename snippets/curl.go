package snippets

import "strings"

// shellSigning asks for the signature, and lets curl read from the response what to send.
func shellSigning(r *Request, o Options) string {
	return `# The request. Countersign signs it; the key is read from ` + Variable + `.
signed=$(curl -sS --fail-with-body ` + shellWord(o.Service+"/v1/sign") + ` \
  -H 'Content-Type: application/json' -H "X-API-Key: $` + Variable + `" --data-binary @- <<'JSON'
` + string(r.Document) + `
JSON
) || { printf '%s\n' "$signed" >&2; exit 1; }

# What is sent is what was signed.
body=$(mktemp) && trap 'rm -f "$body"' EXIT
printf '%s' "$signed" | jq -r '.bodyEnvelope."$content" // ""' | base64 -d > "$body"
printf '%s' "$signed" | jq -r '
  "url = \(.url | tojson)",
  (if .method == "HEAD" then "head" else "request = \(.method | tojson)" end),
  (.headerList[] | if (.value // "") != "" then "header = \("\(.name): \(.value)" | tojson)" else "header = \("\(.name);" | tojson)" end),
  (if any(.headerList[]; .name | ascii_downcase == "content-type") then empty else "header = \"Content-Type:\"" end)' |
  curl -sS -i --path-as-is -g -K - $(test -s "$body" && printf '%s' "--data-binary @$body")
`
}

func shellSigned(r *Request, _ Options) string {
	line := "curl -sS -i --path-as-is -g"
	if r.Method == "HEAD" {
		line += " --head" // with -X, curl would wait for a body
	} else {
		line += " -X " + shellWord(r.Method)
	}
	for _, h := range r.curlHeaders() {
		line += " \\\n  -H " + shellWord(h)
	}
	switch {
	case len(r.Body) == 0:
	case r.isText():
		line += " \\\n  --data-raw " + shellWord(string(r.Body))
	default:
		line = "printf %s " + shellWord(base64Of(r.Body)) + " | base64 -d |\n" + line + " \\\n  --data-binary @-"
	}
	return line + " \\\n  " + shellWord(r.URL)
}

// curlHeaders returns the headers as curl options give them. A body without a type would be sent as
// a form.
func (r *Request) curlHeaders() []string {
	var lines []string
	for _, h := range r.Headers {
		if strings.Trim(h.Value, " \t") == "" {
			lines = append(lines, h.Name+";")
			continue
		}
		lines = append(lines, h.Name+": "+h.Value)
	}
	if len(r.Body) > 0 && !r.has("content-type") {
		lines = append(lines, "Content-Type:")
	}
	return lines
}

func cmdSigning(r *Request, o Options) string {
	return "curl -sS " + cmdWord(o.Service+"/v1/sign") + ` ^` + "\n  -H " + cmdWord("Content-Type: application/json") + ` ^` + "\n" +
		`  -H ^"X-API-Key: %` + Variable + `%^" ^` + "\n  --data-raw " + cmdWord(compact(r.Document))
}

func cmdSigned(r *Request, _ Options) string {
	line := "curl -sS -i --path-as-is -g"
	if r.Method == "HEAD" {
		line += " --head"
	} else {
		line += " -X " + cmdWord(r.Method)
	}
	for _, h := range r.curlHeaders() {
		line += " ^\n  -H " + cmdWord(h)
	}
	if len(r.Body) > 0 {
		line += " ^\n  --data-raw " + cmdWord(string(r.Body))
	}
	return line + " ^\n  " + cmdWord(r.URL)
}
