package diagnosis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"countersign/diagnosis"
)

// toolForms write a request and its refusal as tools show them.
var toolForms = []struct {
	name  string
	whole bool // it shows the body and the whole response
	write func(q *sdkCall, a *diagnosis.Response) string
}{
	{"raw HTTP, CR LF", true, func(q *sdkCall, a *diagnosis.Response) string {
		return string(q.raw()) + "\r\n\r\n" + rawResponse(a, "", "\r\n")
	}},
	{"curl -v on Windows", false, func(q *sdkCall, a *diagnosis.Response) string {
		var b strings.Builder
		b.WriteString("C:\\Users\\ana>curl -v https://" + q.host + "/ --data-binary @body.bin\r\n* Host " + q.host + ":443 was resolved.\r\n")
		b.WriteString("* IPv4: 192.0.2.7\r\n* schannel: disabled automatic use of client certificate\r\n* using HTTP/1.x\r\n")
		for line := range strings.SplitSeq(strings.Split(string(q.raw()), "\r\n\r\n")[0], "\r\n") {
			b.WriteString("> " + line + "\r\n")
		}
		return b.String() + "> \r\n* upload completely sent off\r\n" + rawResponse(a, "< ", "\r\n") +
			"\r\n* Connection #0 to host left intact\r\n"
	}},
	{"bash", true, func(q *sdkCall, a *diagnosis.Response) string {
		var b strings.Builder
		fmt.Fprintf(&b, "$ curl -sS --path-as-is -X %s '%s' \\\n", q.method, q.address())
		for _, h := range q.headers {
			fmt.Fprintf(&b, "  -H '%s: %s' \\\n", h[0], strings.ReplaceAll(h[1], "'", `'\''`))
		}
		if len(q.body) > 0 {
			fmt.Fprintf(&b, "  --data-binary $'%s' \\\n", strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`).Replace(string(q.body)))
		}
		return b.String() + "  --compressed\n" + string(a.Body) + "\n$ "
	}},
	{"Logic Apps", false, func(q *sdkCall, a *diagnosis.Response) string {
		return indented(map[string]any{
			"name": "Call_AWS", "startTime": "2026-11-28T22:14:07.1Z", "status": "Failed", "code": "Forbidden",
			"inputs": map[string]any{
				"uri": q.address(), "method": q.method, "headers": headerMap(q), "body": asWorkflow(q.body),
				"retryPolicy": map[string]string{"type": "none"},
			},
			"outputs": map[string]any{"statusCode": a.Status, "headers": responseHeaders(a), "body": asWorkflow(a.Body)},
		})
	}},
	{"HAR", true, func(q *sdkCall, a *diagnosis.Response) string {
		request := map[string]any{"method": q.method, "url": q.address(), "httpVersion": "HTTP/1.1", "headers": headerList(q)}
		if len(q.body) > 0 {
			request["postData"] = map[string]any{"mimeType": q.get("Content-Type"), "text": string(q.body)}
		}
		var headers []map[string]string
		for _, h := range a.Headers {
			headers = append(headers, map[string]string{"name": h.Name, "value": h.Value})
		}
		return indented(map[string]any{"log": map[string]any{"version": "1.2", "entries": []any{map[string]any{
			"startedDateTime": "2026-11-28T22:14:07.000Z", "request": request,
			"response": map[string]any{
				"status": a.Status, "headers": headers, "content": map[string]any{"mimeType": "text/plain", "text": string(a.Body)},
			},
		}}}})
	}},
	{"n8n", false, func(q *sdkCall, a *diagnosis.Response) string {
		return indented(map[string]any{
			"errorMessage": "Forbidden - perhaps check your credentials?",
			"errorDetails": map[string]any{
				"rawErrorMessage": []string{fmt.Sprintf("%d - %s", a.Status, quotedJSON(string(a.Body)))}, "httpCode": fmt.Sprint(a.Status),
			},
			"n8nDetails": map[string]any{"nodeName": "HTTP Request", "requestOptions": map[string]any{
				"method": q.method, "uri": q.address(), "headers": headerMap(q), "body": string(q.body),
			}},
		})
	}},
	{"in a German mail", true, func(q *sdkCall, a *diagnosis.Response) string {
		return "Hallo zusammen,\n\nseit gestern bekommen wir beim Aufruf folgendes zurück, weiß jemand Rat?\n\n" + string(q.raw()) +
			"\n\nund die Antwort lautet:\n\n" + rawResponse(a, "", "\n") + "\n\nViele Grüße\nJürgen\n"
	}},
	{"JSON in JSON in a log", true, func(q *sdkCall, a *diagnosis.Response) string {
		inner, _ := json.Marshal(map[string]any{"request": string(q.raw()), "response": rawResponse(a, "", "\r\n")})
		outer, _ := json.Marshal(map[string]any{"level": "error", "logger": "aws.client", "message": string(inner)})
		return "2026-11-28T22:14:08.003Z stdout F " + string(outer)
	}},
	{"fetch of the developer tools", true, func(q *sdkCall, a *diagnosis.Response) string {
		options := map[string]any{"method": q.method, "headers": headerMap(q)}
		if len(q.body) > 0 {
			options["body"] = string(q.body)
		}
		return "fetch(" + quotedJSON(q.address()) + ", " + indented(options) + ");\n\n// " + fmt.Sprint(a.Status) + "\n" + string(a.Body)
	}},
}

func (q *sdkCall) address() string {
	address := "https://" + q.host + q.path
	if q.query != "" {
		address += "?" + q.query
	}
	return address
}

func rawResponse(a *diagnosis.Response, before, end string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sHTTP/1.1 %d Forbidden%s", before, a.Status, end)
	for _, h := range a.Headers {
		b.WriteString(before + h.Name + ": " + h.Value + end)
	}
	return b.String() + before + end + string(a.Body)
}

func indented(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	_ = e.Encode(v)
	return b.String()
}

func headerMap(q *sdkCall) map[string]string {
	out := map[string]string{"Host": q.host}
	for _, h := range q.headers {
		out[h[0]] = h[1]
	}
	return out
}

func headerList(q *sdkCall) []map[string]string {
	out := []map[string]string{{"name": "Host", "value": q.host}}
	for _, h := range q.headers {
		out = append(out, map[string]string{"name": h[0], "value": h[1]})
	}
	return out
}

func responseHeaders(a *diagnosis.Response) map[string]string {
	out := map[string]string{}
	for _, h := range a.Headers {
		out[h.Name] = h.Value
	}
	return out
}

// Each fault is tried in one form and in one more setting, different ones in each run, or in all of them with
// -generated above 1000. What a form does not show may leave the verdict open, but nothing false is called proved,
// whatever is known about the request.
func TestDiagnose_FaultsAsToolsShowThem(t *testing.T) {
	var all score
	list, onTheWay := faults()
	for i, f := range list {
		if testing.Short() && i%10 > 0 {
			continue
		}
		in, short, signed, sent := f.make(t)
		asSigned := i < onTheWay
		shown := &sent
		if asSigned {
			shown = &signed
		}
		if !utf8.ValidString(string(shown.raw())) || strings.Contains(shown.path, "/./") { // most forms lose a dot segment
			continue
		}
		for n, form := range toolForms {
			if n != i%len(toolForms) && *generatedCount <= 1000 {
				continue
			}
			paste, less := form.write(shown, in.Response), form.write(shown, short)
			right := false
			for setting := range 8 {
				if setting > 0 && setting != 1+i%7 && *generatedCount <= 1000 {
					continue
				}
				with := diagnosis.Input{Paste: paste, Credentials: in.Credentials, RequestIs: diagnosis.AsSent}
				if asSigned {
					with.RequestIs = diagnosis.AsSigned
				}
				if setting&1 != 0 {
					with.Credentials.AccessKeyID = ""
				}
				if setting&2 != 0 {
					with.Paste = less
				}
				if setting&4 != 0 {
					with.RequestIs = ""
				}
				report := diagnosis.Diagnose(context.Background(), with)
				checkReport(t, &report)
				f.noFalseProof(t, &report, setting)
				if setting == 0 {
					v := &report.Verdicts[0]
					right = f.names(v, false) || (f.hard || !form.whole) && v.Cause == "unclear"
					if !right {
						t.Logf("%s, %s: %s/%s (%s), want %s: %s", f.name, form.name, v.Cause, v.Detail, v.Certainty, f.want, v.Reason)
					}
				}
			}
			all.count(right)
		}
	}
	t.Logf("%d of %d", all.right, all.all)
	if all.right*100 < all.all*95 {
		t.Errorf("%d of %d are identified", all.right, all.all)
	}
}
