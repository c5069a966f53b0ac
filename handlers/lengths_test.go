package handlers_test

import (
	"net/http"
	"strings"
	"testing"
)

// The response to a bad request is small, whatever is wrong with it and how often.
func TestBadRequests_HaveSmallResponses(t *testing.T) {
	server := newServer(t, nil)
	many := func(entry string, n int) string { return strings.TrimSuffix(strings.Repeat(entry+",", n), ",") }
	for name, body := range map[string]string{
		"a hundred thousand headers without name and value": `{` + aGet + `,"headerList":[` + many("{}", 100_000) + `]}`,
		"two thousand of them":                              `{` + aGet + `,"headerList":[` + many("{}", 2000) + `]}`,
		"a hundred thousand names to sign":                  `{` + aGet + `,"signedHeaders":[` + many(`""`, 100_000) + `]}`,
		"three thousand different headers":                  `{` + aGet + `,"headers":{` + strings.TrimSuffix(numbered(3000), ",") + `}}`,
		"a name of 200 KB":                                  `{"` + strings.Repeat("x", 200_000) + `":1}`,
		"a header's name of 200 KB":                         `{` + aGet + `,"headers":{"` + strings.Repeat("x", 200_000) + `":1}}`,
		"a profile of 200 KB":                               `{` + aGet + `,"profile":"` + strings.Repeat("x", 200_000) + `"}`,
		"a method of 200 KB": `{"method":"` + strings.Repeat("x", 200_000) +
			`","url":"https://sqs.eu-west-1.amazonaws.com/"}`,
	} {
		w := server.postPlain("/v1/sign", body)
		if w.Code < 400 || w.Code >= 500 || w.Body.Len() > 8<<10 {
			t.Errorf("%s: %d with %d bytes: %.300s", name, w.Code, w.Body.Len(), w.Body)
		}
	}
	problem := server.problem(server.postPlain("/v1/sign", `{`+aGet+`,"headerList":[`+many("{}", 100)+`]}`), http.StatusBadRequest)
	if len(problem.Errors) != 20 || !strings.Contains(problem.Detail, "The first 20 of 200 faults are listed.") {
		t.Errorf("%d errors, %s", len(problem.Errors), problem.Detail)
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"x-` + strings.Repeat("a", i%7) + string(rune('a'+i%26)) + strings.Repeat("b", i/182) + `":"1",`)
	}
	return b.String()
}
