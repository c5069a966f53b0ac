package handlers_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestUnevaluatedExpressionsGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		url    string
		fields map[string]any
		code   string
	}{
		"Logic Apps in the path":     {anAPI + "orders/@{variables('id')}", nil, "expression_unevaluated"},
		"n8n in the path":            {anAPI + "orders/{{ $json.id }}", nil, "expression_unevaluated"},
		"a shell in the path":        {anAPI + "orders/${ID}", nil, "expression_unevaluated"},
		"in a key":                   {aBucket + "in/${file}.txt", nil, "expression_unevaluated"},
		"encoded by the tool":        {anAPI + "orders/%7B%7Bid%7D%7D", nil, "expression_unevaluated"},
		"in the query":               {anAPI + "?id={{id}}", nil, "expression_unevaluated"},
		"in the name of a parameter": {anAPI + "?@{x}=1", nil, "expression_unevaluated"},
		"in an added parameter":      {anAPI, map[string]any{"query": map[string]string{"id": "${id}"}}, "expression_unevaluated"},
		"a whole added parameter": {
			anAPI, map[string]any{"query": map[string]string{"id": "@variables('id')"}}, "expression_unevaluated",
		},
		"a call as a segment":     {anAPI + "orders/@triggerBody()['id']", nil, "expression_unevaluated"},
		"a call within a segment": {anAPI + "orders/no-@variables('id')", nil, "expression_unevaluated"},
		"a template":              {anAPI + "%7B%25 if a %25%7D", nil, "expression_unevaluated"},
		"another template":        {anAPI + "?a=%3C%25= id %25%3E", nil, "expression_unevaluated"},
		"a GitHub workflow":       {anAPI + "${{ inputs.id }}", nil, "expression_unevaluated"},
		"across segments":         {anAPI + "@{concat('a/b')}", nil, "expression_unevaluated"},
		"a header": {
			anAPI, map[string]any{"headers": map[string]string{"X-Tenant": "@{body('Get')}"}}, "expression_unevaluated",
		},
		"a whole header": {
			anAPI, map[string]any{"headers": map[string]string{"X-Tenant": "@body('Get')?['tenant']"}}, "expression_unevaluated",
		},
		"a listed header": {
			anAPI,
			map[string]any{"headerList": []map[string]string{{"name": "x-amz-meta-a", "value": "={{$json.a}}"}}},
			"expression_unevaluated",
		},
		"Content-Type": {
			anAPI, map[string]any{"headers": map[string]string{"Content-Type": "{{type}}"}}, "expression_unevaluated",
		},
		"the whole body":           {anAPI, map[string]any{"body": "@{outputs('Compose')}"}, "expression_unevaluated"},
		"the whole body as a call": {anAPI, map[string]any{"body": "@body('Get_file_content')"}, "expression_unevaluated"},
		"the whole body of n8n":    {anAPI, map[string]any{"body": "{{ $json }}\n"}, "expression_unevaluated"},
		"a pipeline in the path":   {anAPI + "orders/$(Build.Id)", nil, "expression_unevaluated"},
		"an object in the path":    {anAPI + "orders/[object Object]", nil, "object_as_text"},
		"an object in the query":   {anAPI + "?q=[object%20Object]", nil, "object_as_text"},
		"an object in a header": {
			anAPI, map[string]any{"headers": map[string]string{"X-Tenant": "[object Object]"}}, "object_as_text",
		},
		"an object as body":                {anAPI, map[string]any{"body": "[object Object]"}, "object_as_text"},
		"a zero-width space within":        {anAPI + "or\u200bders/1", nil, "invisible_character"},
		"a direction mark in the query":    {anAPI + "?a=\u202eb&c=d", nil, "invisible_character"},
		"encoded twice":                    {anAPI + "a%2520b", nil, "encoded_twice"},
		"a slash encoded twice":            {aBucket + "a%252Fb", nil, "encoded_twice"},
		"a query encoded twice":            {anAPI + "?a=b%253D", nil, "encoded_twice"},
		"UTF-8 encoded twice":              {anAPI + "gr%25C3%25BCn", nil, "encoded_twice"},
		"an added parameter encoded first": {anAPI, map[string]any{"query": map[string]string{"q": "a%20b"}}, "encoded_twice"},

		"connections of a WebSocket API": {anAPI + "@connections/L0SM9cOFvHcCIhw%3D", nil, ""},
		"a placeholder of one brace":     {anAPI + "{id}", nil, ""},
		"an address":                     {anAPI + "?to=a@example.com", nil, ""},
		"a price":                        {anAPI + "?filter=$5(6)", nil, ""},
		"JSON in a header":               {anAPI, map[string]any{"headers": map[string]string{"x-amz-meta-a": `{"a":{"b":{}}}`}}, ""},
		"a template as the body":         {anAPI, map[string]any{"body": "Dear {{name}}, you pay ${amount}"}, ""},
		"an emoji of several":            {aBucket + "\U0001F468\u200d\U0001F469.png", nil, ""},
		"a percent sign":                 {anAPI + "100%25?q=%25ab%25", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			got := server.signRight(request("POST", test.url, test.fields))
			got.warns(t, test.code)
			for _, w := range got.Warnings {
				if strings.Contains(w.Message, "Get_file") || strings.Contains(w.Message, "variables") {
					t.Errorf("the message holds what was sent: %s", w.Message)
				}
			}
		})
	}
}

func TestExpressions_ThatPreventSigningAreNamed(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct{ document, code, pointer, says string }{
		"the whole URL":      {request("GET", "@{variables('url')}", nil), "url_invalid", "/url", "@{…}"},
		"the whole as call":  {request("GET", "@variables('url')", nil), "url_invalid", "/url", "@name(…)"},
		"the host":           {request("GET", "https://{{host}}/", nil), "url_invalid", "/url", "{{…}}"},
		"the host, a script": {request("GET", "https://sqs.${region}.amazonaws.com/", nil), "url_invalid", "/url", "${…}"},
		"S3's own form":      {request("GET", "s3://bucket/key", nil), "url_invalid", "/url", "https://bucket.s3."},
		"an ARN":             {request("GET", "arn:aws:s3:::bucket/key", nil), "url_invalid", "/url", "ARN"},
		"copied from HTML":   {request("GET", aQueue+"?a=1&amp;b=2", nil), "url_invalid", "/url", "Write & itself"},
		"encoded whole":      {request("GET", "https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F", nil), "url_invalid", "/url", "The whole URL"},
		"a template":         {request("GET", anAPI+"{% if a %}", nil), "url_invalid", "/url", "{%…%}"},
		"a header's name": {
			request("GET", aQueue, map[string]any{"headers": map[string]string{"{{name}}": "a"}}), "header_invalid",
			"/headers/{{name}}", "{{…}}",
		},
	} {
		got := server.refuse(test.document, 400)
		if got.Code != test.code || got.Errors[0].Pointer != test.pointer || !strings.Contains(got.Errors[0].Detail, test.says) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestUploadFormsWithExpressionsGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	for document, warned := range map[string]bool{
		`{"bucket":"b","key":"in/${filename}","region":"eu-west-1"}`:                            false,
		`{"bucket":"b","key":"in/@{variables('id')}/${filename}","region":"eu-west-1"}`:         true,
		`{"bucket":"b","key":"a","region":"eu-west-1","fields":{"Content-Type":"{{type}}"}}`:    true,
		`{"bucket":"b","key":"a","region":"eu-west-1","startsWith":{"Content-Type":"${type}"}}`: true,
	} {
		w := server.post("/v1/s3/post-policy", document)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"expression_unevaluated"`) != warned {
			t.Errorf("%s: %d %s", document, w.Code, w.Body)
		}
	}
}
