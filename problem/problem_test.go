package problem

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

func TestCodes_HaveStatusTitleAndHint(t *testing.T) {
	for code, k := range kinds {
		if k.status < 400 || k.title == "" || k.hint == "" {
			t.Errorf("%s: %+v", code, k)
		}
	}
}

func TestCodes_AreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for code := range kinds {
		if !bytes.Contains(text, []byte("| `"+code+"` |")) {
			t.Errorf("docs/errors.md does not explain %s", code)
		}
	}
}

func TestError_KeepsItsCauseFromTheDocument(t *testing.T) {
	cause := errors.New("10.0.0.7 refused")
	e := &Error{Code: "busy", Detail: "Later.", Cause: cause}
	if got := e.Document("request-1"); got.Detail != "Later." || got.Status != 503 || got.Instance != "request-1" ||
		got.Hint == "" || got.Errors != nil {
		t.Errorf("got %+v", got)
	}
	if !errors.Is(e, cause) || e.Error() != "busy: 10.0.0.7 refused" {
		t.Errorf("got %v, want the cause in it for the log", e)
	}
}

func TestFields_ReportAllFaults(t *testing.T) {
	var fields Fields
	if err := fields.Err(); err != nil {
		t.Fatal(err)
	}
	third := "c"
	fields.OneOf("/kind", &third, "a", "b")
	fields.Between("/n", 3, 1, 2)
	fields.Between("/m", 2, 1, 2)
	e := new(Error)
	if !errors.As(fields.Err(), &e) || e.Code != "field_invalid" || len(e.Fields) != 2 {
		t.Fatalf("got %+v", e)
	}
	if e.Fields[0].Detail != "must be one of a, b." || e.Fields[1].Detail != "must be from 1 to 2." {
		t.Errorf("got %+v", e.Fields)
	}
	if fields.Require("/url", ""); !errors.As(fields.Err(), &e) || e.Code != "field_missing" || len(e.Fields) != 3 {
		t.Errorf("got %+v", e)
	}
}
