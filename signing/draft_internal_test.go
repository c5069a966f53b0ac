package signing

import (
	"testing"
	"time"
)

// A draft that waits for the next request holds on to nothing of the last one.
func TestDraftsForgetHeaders(t *testing.T) {
	u, _, err := ParseURL("https://example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var d draft
	if err := d.canonicalize(&Request{
		Method: "GET", URL: u, Headers: []Header{{"X-Amz-A", "1"}, {"x-amz-a", "2"}, {"X-Amz-B", "3"}}, Payload: []byte{},
		Scope: Scope{Service: "iam", Region: "us-east-1"}, Time: time.Unix(1e9, 0),
		Credentials: NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token"),
	}); err != nil {
		t.Fatal(err)
	}
	if len(d.fields) == 0 {
		t.Fatal("there is nothing to forget")
	}
	d.reset()
	for i, f := range d.fields[:cap(d.fields)] {
		if f.name != nil || f.sendAs != "" || f.value != "" {
			t.Errorf("field %d holds %q: %q", i, f.sendAs, f.value)
		}
	}
}
