package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Case is one row in a table of expected decisions.
type Case struct {
	Name string `json:"name"`
	// Caller, Roles and Method describe the caller. Method defaults to "api-key".
	Caller string   `json:"caller"`
	Roles  []string `json:"roles"`
	Method Method   `json:"method"`
	// Action defaults to "sign".
	Action Action `json:"action"`
	// Request is the body of a request to the service, as callers send it.
	Request json.RawMessage `json:"request"`
	// Expect is "allow", "deny", or "refuse" for a request that is refused before any policy sees it.
	Expect string `json:"expect"`
	// Policy is the id of a policy that must be among the deciding ones.
	Policy string `json:"policy"`
}

// ReadCases reads a table of expected decisions: a JSON array of [Case].
func ReadCases(table []byte) ([]Case, error) {
	d := json.NewDecoder(bytes.NewReader(table))
	d.DisallowUnknownFields()
	var cases []Case
	if err := d.Decode(&cases); err != nil {
		return nil, fmt.Errorf("decoding cases: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decoding cases: something follows the array")
	}
	if len(cases) == 0 {
		return nil, errors.New("decoding cases: the array is empty")
	}
	var faults []error
	for i, c := range cases {
		if !slices.Contains([]string{"allow", "deny", "refuse"}, c.Expect) {
			faults = append(faults, fmt.Errorf("[%d].expect: want allow, deny or refuse, not %q", i, c.Expect))
		}
		if c.Name == "" || c.Caller == "" || len(c.Request) == 0 {
			faults = append(faults, fmt.Errorf("[%d]: name, caller and request are required", i))
		}
	}
	return cases, errors.Join(faults...)
}

// Test decides every case and writes a line for each. The parse function turns a case's request into the value to
// decide, as the service itself does. Test returns how many cases did not come out as expected.
func (p *Policy) Test(w io.Writer, cases []Case, parse func(Case) (Request, error)) (failed int, err error) {
	var out bytes.Buffer
	for _, c := range cases {
		got := p.test(c, parse)
		if got == "" {
			fmt.Fprintf(&out, "ok    %s\n", c.Name)
			continue
		}
		failed++
		fmt.Fprintf(&out, "FAIL  %s: %s\n", c.Name, got)
	}
	fmt.Fprintf(&out, "%d cases, %d failed\n", len(cases), failed)
	_, err = w.Write(out.Bytes())
	return failed, err
}

// test returns how a case differs from what was expected, or "".
func (p *Policy) test(c Case, parse func(Case) (Request, error)) string {
	if c.Action == "" {
		c.Action = ActionSign
	}
	r, err := parse(c)
	if err != nil {
		if c.Expect == "refuse" {
			return ""
		}
		return fmt.Sprintf("refused, want %s: %v", c.Expect, err)
	}
	d := p.Decide(Question{Caller: c.caller(), Action: c.Action, Request: r})
	got := "deny"
	if d.Allowed {
		got = "allow"
	}
	if got != c.Expect {
		return fmt.Sprintf("%s, want %s%s", d, c.Expect, notes(d))
	}
	if c.Policy != "" && !slices.Contains(d.Policies, c.Policy) {
		return fmt.Sprintf("%s, want it decided by %s%s", d, c.Policy, notes(d))
	}
	return ""
}

func (c Case) caller() Caller {
	if c.Method == "" {
		c.Method = MethodAPIKey
	}
	return Caller{ID: c.Caller, Method: c.Method, Roles: c.Roles}
}

func notes(d Decision) string {
	if len(d.Notes) == 0 {
		return ""
	}
	return "\n      " + strings.Join(d.Notes, "\n      ")
}

// String returns the decision and the policies that made it.
func (d Decision) String() string {
	by := ""
	if len(d.Policies) > 0 {
		by = " by " + strings.Join(d.Policies, ", ")
	}
	if d.Allowed {
		return "allow" + by
	}
	return "deny" + by + ": " + d.Reason
}

// Explain writes the decision on a question, what the policies see of it, and which policies could not be evaluated.
func (p *Policy) Explain(w io.Writer, q Question) error {
	d := p.Decide(q)
	f, _ := p.readAttributes(&q)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n\n", d)
	row := func(name, value string) {
		if value == "" {
			value = "(undetermined)"
		}
		fmt.Fprintf(&out, "  %-10s %s\n", name, value)
	}
	row("caller", strings.TrimSpace(q.Caller.ID+" "+strings.Join(q.Caller.Roles, " ")))
	row("action", string(q.Action))
	if q.Request.OwnKeys {
		row("profile", "(the caller's own keys)")
	} else {
		row("profile", f.profile)
	}
	row("service", f.service)
	row("region", f.region)
	row("host", f.host)
	row("method", f.method)
	row("path", f.path)
	row("operation", f.operation)
	row("payload", string(q.Request.Payload))
	for _, field := range f.query {
		row("query", field.Name)
	}
	for _, field := range f.headers {
		row("header", field.Name)
	}
	for _, name := range f.unusual {
		row("unusual", name)
	}
	for _, name := range f.credentials {
		row("credential", name)
	}
	for _, note := range d.Notes {
		fmt.Fprintf(&out, "\nnot evaluated: %s\n", note)
	}
	_, err := w.Write(out.Bytes())
	return err
}
