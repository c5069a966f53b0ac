package reading

import (
	"strconv"
	"strings"
)

var (
	statusAlone = lazy(`^\s*(?i:(?:http )?status:? *)?([345][0-9]{2})(?: [A-Za-z ]{2,40})?\s*$`)
	// separators are lines that people and consoles put between request and response.
	separator = lazy(`^[^A-Za-z0-9{}\[\]"<]*(?i:(?:the )?(?:aws )?(?:answer|response|reply|result|output|body|error|got|gives|` +
		`returns)[ \w]{0,30})?` +
		`[^A-Za-z0-9{}\[\]"<]*$`)
)

// splitResponse takes an AWS error for the response if it is in the place of a body that no header announces, or
// after the body.
func (r *reader) splitResponse(e *Exchange) {
	body := e.Request.Body
	if _, announced := e.Request.Header("Content-Length"); announced || body.State != BodyPresent {
		return
	}
	for _, at := range responsesIn(body.Content.Text()) {
		resp := &Response{Form: FormHTTP, Body: Body{State: BodyPresent, Content: body.Content.from(at)}}
		if first, next := resp.Body.Content.line(0); statusAlone().MatchString(first.Text()) { // "403", as consoles show it
			resp.Status = statusOf(first)
			resp.Body.Content = resp.Body.Content.from(next)
		}
		rest := r.bodyBefore(body.Content, at, resp)
		f := r.refusalOf(resp)
		if f == nil {
			continue
		}
		r.note("answer_assumed", resp.Body.Content.Span(), false)
		e.Request.Body = rest
		e.Response, e.Refusal = resp, f
		return
	}
}

const maxResponses = 20 // places that are tried

// responsesIn returns the places at which a response may begin: the documents, or else the start of the text.
func responsesIn(s string) []int {
	var list []int
	for at := 0; at < len(s) && len(list) < maxResponses; at += lineLength(s[at:]) {
		if line := strings.TrimLeft(firstLine(s[at:]), " \t"); line != "" && strings.IndexByte("{[<\"", line[0]) >= 0 {
			list = append(list, at)
		}
	}
	return append(list, 0)
}

func statusOf(line Value) int {
	m := statusAlone().FindStringSubmatch(line.Text())
	status, _ := strconv.Atoi(m[1])
	return status
}

// bodyBefore returns the body that comes before a response, without the lines between the two.
func (r *reader) bodyBefore(content Value, at int, resp *Response) Body {
	end := at
	for end > 0 {
		start := strings.LastIndexByte(content.Text()[:end-1], '\n') + 1
		line := content.Slice(start, end).trim()
		status := statusAlone().MatchString(line.Text())
		if !status && !separator().MatchString(line.Text()) {
			break
		}
		if status && resp.Status == 0 {
			resp.Status = statusOf(line)
		}
		end = start
	}
	return bodyOf(content.Slice(0, end).trimSet("\r\n"), false)
}
