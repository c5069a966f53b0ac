package signing

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// A scratch in the pool must not hold on to the headers of its last request.
func TestScratch_ResetReleasesHeaders(t *testing.T) {
	d := scratchOf(t, []Header{{"X-Amz-A", "1"}, {"x-amz-a", "2"}, {"X-Amz-B", "3"}})
	if len(d.fields) == 0 {
		t.Fatal("there are no headers to release")
	}
	d.reset()
	for i, f := range d.fields[:cap(d.fields)] {
		if f.name != nil || f.sendAs != "" || f.value != "" {
			t.Errorf("field %d still has %q: %q", i, f.sendAs, f.value)
		}
	}
}

// A large request must not make the pool keep its memory.
func TestRelease_DropsLargeScratches(t *testing.T) {
	many := make([]Header, 2<<10)
	for i := range many {
		many[i] = Header{"X-" + strconv.Itoa(i), ""}
	}
	for name, headers := range map[string][]Header{
		"many headers":                 many,
		"a long name":                  {{"X-" + strings.Repeat("a", 64<<10), ""}},
		"a long header that is signed": {{"X-Amz-A", strings.Repeat("a", 64<<10)}},
	} {
		var s Signer
		s.release(scratchOf(t, headers))
		if s.scratches.Get() != nil {
			t.Errorf("a scratch with %s is kept", name)
		}
	}
}

func scratchOf(t *testing.T, headers []Header) *scratch {
	t.Helper()
	u, _, err := ParseURL("https://example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := new(scratch)
	if err := d.canonicalize(&Request{
		Method: "GET", URL: u, Headers: headers, Payload: []byte{},
		Scope: Scope{Service: "iam", Region: "us-east-1"}, Time: time.Unix(1e9, 0),
		Credentials: NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token"),
	}); err != nil {
		t.Fatal(err)
	}
	return d
}
