package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/handlers"
)

func TestSpellingsWithOneMeaningAreCorrected(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		method, url string
		fields      map[string]any
		code, want  string
	}{
		"capitals":                  {"GET", aQueue, nil, "", "GET " + aQueue + " sqs eu-west-1"},
		"a method in small letters": {"get", aQueue, nil, "method_uppercased", "GET " + aQueue + " sqs eu-west-1"},
		"a method in both":          {"Patch", anAPI, nil, "method_uppercased", "PATCH " + anAPI + " execute-api eu-west-1"},
		"head":                      {"head", aQueue, nil, "method_uppercased", "HEAD " + aQueue + " sqs eu-west-1"},
		"a region in capitals": {
			"GET", aQueue, map[string]any{"region": "EU-WEST-1"}, "region_respelled", "GET " + aQueue + " sqs eu-west-1",
		},
		"a region in both": {
			"GET", aQueue, map[string]any{"region": "Eu-West-1"}, "region_respelled", "GET " + aQueue + " sqs eu-west-1",
		},
		"a region of GovCloud": {
			"GET", "https://api.example.com/",
			map[string]any{"service": "execute-api", "region": "US-GOV-WEST-1"},
			"region_respelled",
			"GET https://api.example.com/ execute-api us-gov-west-1",
		},
		"a region of tomorrow": {
			"GET", "https://api.example.com/",
			map[string]any{"service": "execute-api", "region": "EU-NORTHWEST-7"},
			"region_respelled",
			"GET https://api.example.com/ execute-api eu-northwest-7",
		},
		"a region as SDKs name it": {
			"GET", "https://api.example.com/",
			map[string]any{"service": "execute-api", "region": "AP_SOUTHEAST_2"},
			"region_respelled",
			"GET https://api.example.com/ execute-api ap-southeast-2",
		},
		"a zone": {
			"GET", "https://api.example.com/",
			map[string]any{"service": "execute-api", "region": "eu-west-1a"},
			"region_is_zone",
			"GET https://api.example.com/ execute-api eu-west-1a",
		},
		"a service in capitals": {
			"GET", "https://api.example.com/",
			map[string]any{"service": "SQS", "region": "eu-west-1"},
			"service_lowercased",
			"GET https://api.example.com/ sqs eu-west-1",
		},
		"a service that has capitals": {
			"GET", "https://api.example.com/",
			map[string]any{"service": "IngestionService", "region": "eu-west-1"},
			"",
			"GET https://api.example.com/ IngestionService eu-west-1",
		},
		"blanks around":            {"GET", "  " + aQueue + " ", nil, "url_trimmed", "GET " + aQueue + " sqs eu-west-1"},
		"a line break at the end":  {"GET", aQueue + "?a=b\r\n", nil, "url_trimmed", "GET " + aQueue + "?a=b sqs eu-west-1"},
		"a zero-width space":       {"GET", aQueue + "q\u200b", nil, "url_trimmed", "GET " + aQueue + "q sqs eu-west-1"},
		"a byte order mark":        {"GET", "\ufeff" + aQueue, nil, "url_trimmed", "GET " + aQueue + " sqs eu-west-1"},
		"no-break and word joiner": {"GET", "\u00a0\u2060" + aQueue + "\u200e\u3000", nil, "url_trimmed", "GET " + aQueue + " sqs eu-west-1"},
		"a tab before added query": {
			"GET", aQueue + "\t",
			map[string]any{"query": map[string]string{"a": " b "}},
			"url_trimmed",
			"GET " + aQueue + "?a=%20b%20 sqs eu-west-1",
		},
		"a blank that is encoded": {"GET", aBucket + "a%20", nil, "", "GET " + aBucket + "a%20 s3 eu-west-1"},
		"a blank within":          {"GET", aBucket + "a b", nil, "", "GET " + aBucket + "a%20b s3 eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			got := server.signRight(request(test.method, test.url, test.fields))
			if found := strings.Join([]string{got.Method, got.URL, got.Service, got.Region}, " "); found != test.want {
				t.Errorf("got %s, want %s", found, test.want)
			}
			got.warns(t, test.code)
		})
	}
}

// Other vendors' names for regions and methods are left as they are.
func TestSpellingsOfOthersStay(t *testing.T) {
	server := newServer(t, nil)
	for method, region := range map[string]string{"PURGE": "eu-west-1", "GET": "eu-west-1"} {
		server.signRight(request(method, "https://api.example.com/", map[string]any{"service": "execute-api", "region": region})).warns(t, "")
	}
	for field, document := range map[string]string{
		"/method":  request("purge", aQueue, nil),
		"/region":  request("GET", "https://store.example.com/", map[string]any{"service": "s3", "region": "RegionOne "}),
		"/service": request("GET", "https://api.example.com/", map[string]any{"service": "Unheard-Of", "region": "eu-west-1"}),
	} {
		if got := server.refuse(document, 400); got.Errors[0].Pointer != field {
			t.Errorf("%s: %+v", field, got)
		}
	}
	// Unicode has letters that become ASCII letters when their case changes.
	server.refuse(request("PO\u017fT", aQueue, nil), 400)
	server.refuse(request("GET", "https://api.example.com/", map[string]any{"service": "\u212ainesis", "region": "eu-west-1"}), 400)
	// Ceph's usual region.
	signed := server.signRight(request("GET", "https://store.example.com/b/k", map[string]any{"service": "s3", "region": "RegionOne"}))
	if signed.Region != "RegionOne" {
		t.Errorf("region = %s", signed.Region)
	}
	signed.warns(t, "")
}

func TestRegionsOfFormsAndTokensAreCorrected(t *testing.T) {
	policy, err := access.NewPolicy(
		"p.cedar", []byte(`permit (principal, action, resource) when { resource.service == "rds-db" || resource.service == "s3" };`),
	)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	for path, document := range map[string]string{
		"/v1/s3/post-policy": `{"bucket":"examplebucket","key":"a","region":"EU-WEST-1"}`,
		"/v1/tokens": `{"kind":"rds","endpoint":"orders.a1b2c3d4e5f6.eu-west-1.rds.amazonaws.com:5432","user":"reader",` +
			`"region":"EU-West-1"}`,
	} {
		w := server.post(path, document)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"region_respelled"`) || strings.Contains(w.Body.String(), "EU-W") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if lower := server.post(path, strings.ToLower(document)); strings.Contains(lower.Body.String(), "region_respelled") {
			t.Errorf("%s: %s", path, lower.Body)
		}
	}
	w := server.do(httptest.NewRequest(http.MethodGet, "/v1/scope?url=%20https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%E2%80%8B%0A", nil))
	if !strings.Contains(w.Body.String(), `"service":"sqs"`) {
		t.Errorf("scope: %d %s", w.Code, w.Body)
	}
}

func TestAPlusInAKeyGetsAWarning(t *testing.T) {
	server := newServer(t, nil)
	for target, code := range map[string]string{
		aBucket + "a+b": "plus_in_key", aBucket + "a%2Bb": "", aBucket + "a%20b": "", aBucket + "a?x=1%2B2": "", anAPI + "a+b": "",
		aBucket + "a?x=1+2": "plus_is_space", "https://s3.eu-west-1.amazonaws.com/examplebucket/c++": "plus_in_key",
	} {
		got := server.signRight(request("GET", target, nil))
		got.warns(t, code)
		if code == "plus_in_key" && !strings.Contains(got.URL, "%2B") {
			t.Errorf("%s is sent as %s", target, got.URL)
		}
		if strings.HasPrefix(target, aBucket) {
			if codes := warningCodesOf(server.presignRight(request("GET", target, nil))); code != "" && !slices.Contains(codes, code) ||
				code == "" && len(codes) > 0 {
				t.Errorf("presigning %s: got %v, want %s", target, codes, code)
			}
		}
	}
	for _, normal := range []bool{true, false} {
		server.signRight(request(
			"GET", aBucket+"a+b", map[string]any{"options": map[string]bool{"normalizePath": normal}},
		)).warns(t, "plus_in_key")
	}
}

func TestAParameterThatIsAlsoAHeaderGetsAWarning(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		query, header string
		warned        bool
	}{
		"metadata":               {"x-amz-meta-a=1", "x-amz-meta-a", true},
		"metadata in other case": {"X-Amz-Meta-A=1", "x-amz-META-a", true},
		"a checksum":             {"x-amz-checksum-crc32=AAAAAA%3D%3D", "x-amz-checksum-crc32", true},
		"an algorithm":           {"x-amz-sdk-checksum-algorithm=CRC32", "X-Amz-Sdk-Checksum-Algorithm", true},
		"storage class":          {"x-amz-storage-class=STANDARD", "x-amz-storage-class", true},
		"the header alone":       {"a=1", "x-amz-meta-a", false},
		"another":                {"x-amz-meta-b=1", "x-amz-meta-a", false},
		"not of AWS":             {"range=1", "range", false},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			document := request("PUT", aBucket+"a?"+test.query, map[string]any{"headers": map[string]string{test.header: "1"}})
			if got := warningCodesOf(server.presignRight(document)); slices.Contains(got, "parameter_and_header") != test.warned {
				t.Errorf("presigned: got %v", got)
			}
			if got := server.signRight(document).warningCodes(); slices.Contains(got, "parameter_and_header") {
				t.Errorf("signed by headers: got %v", got)
			}
		})
	}
}
