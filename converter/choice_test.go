package converter_test

import (
	"strings"
	"testing"

	"countersign/converter"
)

// A sample refers to the path as the definition writes it, and is a file as PowerShell writes it.
func TestConvert_SampleOfAnyFile(t *testing.T) {
	definition := `{"openapi":"3.0.1","servers":[{"url":"` + gateway + `"}],"paths":{"/files/{proxy+}":{"get":{}}}}`
	with := func(sample string) func(*converter.Options) {
		return func(o *converter.Options) {
			o.Greedy, o.Samples = true, map[string][]byte{"get /files/{proxy+}": []byte(sample)}
		}
	}
	made, err := convert(t, definition, with("\xef\xbb\xbf{\"name\":\"a\"}\r\n"))
	if err != nil || made.Report.TypedResponses != 1 {
		t.Errorf("with a UTF-8 byte order mark: %v", err)
	}
	if _, err = convert(t, definition, with("\xff\xfe{\x00}\x00")); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("in UTF-16: %v", err)
	}
}

// A path of which nothing is selected is not read.
func TestConvert_ExcludesUnreadablePaths(t *testing.T) {
	definition := `{"openapi":"3.0.1","servers":[{"url":"` + gateway + `"}],"paths":{"/a":{"get":{}},` +
		`"/b":{"$ref":"other.yaml"},"/${c}":{},"/d":7}}`
	made, err := convert(t, definition, func(o *converter.Options) { o.Exclude = []string{"/b", "* /$*", "/d"} })
	if err != nil || len(made.Report.Actions) != 1 {
		t.Errorf("excluded: %v", err)
	}
	if _, err = convert(t, definition, func(o *converter.Options) { o.Include = []string{"GET /a"} }); err != nil {
		t.Errorf("not included: %v", err)
	}
	if _, err = convert(t, definition, func(o *converter.Options) { o.Exclude = []string{"GET /b"} }); len(pointers(err)) != 3 {
		t.Errorf("excluded in part: %v", err)
	}
}

// The action that sends any request replaces routes that were selected but left out.
func TestConvert_RawActionForSelectedRoutes(t *testing.T) {
	definition := `{"openapi":"3.0.1","servers":[{"url":"` + gateway + `"}],"paths":{"/a":{"get":{},"` +
		`x-amazon-apigateway-any-method":{}},"/b/{proxy+}":{"get":{}}}}`
	for _, test := range []struct {
		include string
		actions int
	}{{"GET /a", 1}, {"/a", 2}, {"GET *", 2}, {"/b/*", 1}} {
		made, err := convert(t, definition, func(o *converter.Options) { o.Include = []string{test.include} })
		if err != nil {
			t.Errorf("%s: %v", test.include, err)
			continue
		}
		if n := len(made.Report.Actions); n != test.actions {
			t.Errorf("%s: %d actions, want %d", test.include, n, test.actions)
		}
	}
}
