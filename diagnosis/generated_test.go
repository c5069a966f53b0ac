package diagnosis_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/diagnosis"
	"countersign/sandbox"
	"countersign/signing"
)

var generatedCount = flag.Int("generated", 60, "requests that are changed on the way or signed with a mistake")

// refusedBy sends a call to the sandbox's gateway. It returns nil if the gateway accepts the call.
func refusedBy(t *testing.T, g *generated, c *call) *diagnosis.Response {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(c.raw())))
	if err != nil {
		return nil // cannot be sent over HTTP
	}
	s := sandbox.New(sandbox.Options{Now: func() time.Time { return g.now }, Service: g.site.service, Region: g.site.region})
	w := httptest.NewRecorder()
	s.Gateway().ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		return nil
	}
	a := &diagnosis.Response{Status: w.Code, Body: w.Body.Bytes()}
	for name := range w.Header() {
		a.Headers = append(a.Headers, signing.Header{Name: name, Value: w.Header().Get(name)})
	}
	return a
}

func (c *call) diagnosed() *diagnosis.Request {
	q := &diagnosis.Request{Method: c.method, URL: "https://" + c.host + c.path, Body: c.body}
	if c.query != "" {
		q.URL += "?" + c.query
	}
	for _, h := range c.headers {
		q.Headers = append(q.Headers, signing.Header{Name: h[0], Value: h[1]})
	}
	return q
}

// generate makes one case: the input with everything that can be known, or nil if the mutations changed nothing.
func generate(t *testing.T, seed uint64) (*diagnosis.Input, *generated) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 18))
	g := &generated{
		r: r, site: pick(r, sites...), secret: sandbox.SecretAccessKey, truth: map[diagnosis.Cause]bool{},
		now: time.Date(2026, 11, 28, 19, 7, 48, 0, time.UTC),
	}
	g.request()
	s := g.right()
	k := kinds[seed%uint64(len(kinds))]
	g.shown = k.shown
	in := &diagnosis.Input{RequestIs: diagnosis.AsSent}
	for range k.bySigner {
		g.mistake(s)
	}
	in.Credentials = signing.NewCredentials(generatedKey, g.secret, "")
	g.sign(s)
	sent := g.call.clone()
	for range k.onTheWay {
		g.onItsWay(sent)
	}
	if in.Response = refusedBy(t, g, sent); in.Response == nil || !bytes.Contains(in.Response.Body, []byte("does not match")) {
		return nil, g
	}
	switch k.shown {
	case asSigned:
		in.RequestIs, in.Request = diagnosis.AsSigned, g.call.diagnosed()
	case asSent:
		in.Request = sent.diagnosed()
	case asBoth:
		in.RequestIs, in.Request, in.Sent = diagnosis.AsSigned, g.call.diagnosed(), sent.diagnosed()
	}
	return in, g
}

// shown says in which of its two states a request is shown.
type shown int

const (
	asSigned shown = iota
	asSent
	asBoth
)

// kinds says how many faults of each sort a request has, and how it is shown.
var kinds = []struct {
	onTheWay, bySigner int
	shown              shown
}{
	{1, 0, asSigned},
	{0, 1, asSent},
	{2, 0, asSigned},
	{0, 2, asSent},
	{1, 1, asSigned},
	{1, 0, asSent},
	{1, 0, asBoth},
	{0, 1, asSigned},
	{0, 1, asBoth},
	{1, 1, asSent},
}

// mistake adds a signer's mistake. A second one is made in another place, because two faults in one place amount to a
// third one. After a signature that lost a digit, no other mistake can be recognized.
func (g *generated) mistake(s *stages) {
	m := bySigner[g.r.IntN(len(bySigner))]
	for g.place != "" && (m.place() == g.place || m.place() == "" || m.place() == "unclear" || m.causes[0] == "unclear" ||
		g.place == "unclear") {
		if g.place == "unclear" {
			return
		}
		m = bySigner[g.r.IntN(len(bySigner))]
	}
	if g.place = m.place(); g.place == "" || m.causes[0] == "unclear" {
		g.place = "unclear"
	}
	m.apply(g, s)
	g.names = append(g.names, "signer: "+m.name)
	for _, c := range m.causes {
		g.truth[c] = true
	}
	if g.site.s3 && m.causes[0] == "signed-payload" {
		g.truth["changed-body"] = true // S3 finds the signature right but the hash not that of the body
	}
}

func (g *generated) onItsWay(c *call) {
	m := onTheWay[g.r.IntN(len(onTheWay))]
	before := string(c.raw())
	m.apply(g, c)
	if string(c.raw()) != before {
		g.names = append(g.names, "on the way: "+m.name)
		g.truth[m.cause] = true
		if m.cause == "changed-method" {
			g.truth["changed-body"] = true
		}
	}
}

// short returns the refusal without AWS's canonical request.
func short(a *diagnosis.Response) *diagnosis.Response {
	body, _, cut := strings.Cut(string(a.Body), `\n\nThe Canonical String`)
	if cut {
		body += `"}`
	}
	return &diagnosis.Response{Status: a.Status, Headers: a.Headers, Body: []byte(body)}
}

func TestDiagnose_GeneratedMistakes(t *testing.T) {
	named, all, listed, after := 0, 0, 0, 0
	missed := map[string]int{}
	for seed := range uint64(*generatedCount) {
		in, g := generate(t, seed)
		if in == nil || len(g.names) == 0 {
			continue
		}
		for setting := range 4 {
			with := *in
			if setting&1 != 0 {
				with.Credentials = signing.Credentials{}
			}
			if setting&2 != 0 {
				with.Response = short(in.Response)
			}
			report := diagnosis.Diagnose(context.Background(), with)
			for _, v := range report.Verdicts {
				if v.Certainty == diagnosis.Proved && !g.truth[v.Cause] {
					t.Errorf(
						"seed %d, setting %d: %v at %s: %s/%s is called proved: %s", seed, setting, g.names, g.site.service, v.Cause, v.Detail,
						v.Reason,
					)
				}
			}
			if text := reportJSON(t, &report); strings.Contains(text, sandbox.SecretAccessKey) {
				t.Errorf("seed %d: the secret leaks", seed)
			}
			if setting == 0 && g.undecidable() {
				after++
				if slices.ContainsFunc(report.Verdicts, func(v diagnosis.Verdict) bool { return g.truth[v.Cause] }) {
					listed++
				} else if v := &report.Verdicts[0]; v.Cause != "unclear" {
					t.Errorf("seed %d: %v at %s: %s: %s", seed, g.names, g.site.service, v.Cause, v.Reason)
				}
			} else if setting == 0 {
				g.checkDetail(t, seed, &report.Verdicts[0])
				all++
				if g.truth[report.Verdicts[0].Cause] {
					named++
				} else {
					missed[strings.Join(g.names, " + ")+" => "+string(report.Verdicts[0].Cause)]++
					if len(missed) < 30 {
						t.Logf("seed %d: %v at %s: %s: %s", seed, g.names, g.site.service, report.Verdicts[0].Cause, report.Verdicts[0].Reason)
					}
				}
			}
		}
	}
	t.Logf("%d of %d identified; of %d shown as sent after a change, %d list the true cause", named, all, after, listed)
	if all == 0 || named*100 < all*99 {
		t.Errorf("%d of %d are identified: %v", named, all, missed)
	}
}

// details maps single mutations to their details, separated by spaces. Mutations that are not listed have no detail
// or several.
var details = map[string]string{
	"path encoded again": "encoded-again", "path decoded": "decoded", "slashes collapsed": "normalised", "slash added": "trailing-slash",
	"stage removed": "prefix-removed", "prefix added": "prefix-added", "hexadecimal in small letters": "hex-case", "parameter added": "added",
	"parameter removed": "removed", "value changed": "value", "plus sent plain": "plus", "query encoded again": "encoded-again",
	"port in host": "port", "another host": "name", "charset appended": "charset-appended", "another content type": "value",
	"accept-encoding replaced": "value", "type sent twice": "repeated", "line feed added": "trailing-newline-added",
	"line feed removed": "trailing-newline-removed", "CR LF": "crlf line-ends", "line feeds lost": "lf trailing-newline-removed",
	"byte order mark": "bom-added", "JSON rewritten": "json-reserialised", "JSON as a string": "json-quoted",
	"base64": "base64-sent base64", "envelope": "envelope", "form rewritten": "form-reencoded", "plus in form": "form-reencoded",
	"Latin-1": "charset", "UTF-8 twice": "charset", "question marks": "charset", "body lost": "emptied", "placeholder filled in": "other",
	"secret with a line feed": "white-space", "secret with a blank": "white-space", "secret quoted": "quoted",
	"secret URL-encoded": "url-encoded", "secret cut": "truncated", "no prefix": "prefix", "key of another region": "region",
	"key of another service": "service", "key of another day": "date", "capitals": "upper-case", "a digit lost": "length",
	"another digit": "digit", "path encoded once or twice": "encoded-once encoded-twice", "path not encoded": "not-encoded encoded-once",
	"path holds query": "holds-query", "path without stage": "prefix-removed", "path with a slash": "trailing-slash", "no query": "omitted",
	"query unsorted": "unsorted", "query encoded twice": "encoded-twice", "query decoded": "not-encoded plus", "no equals sign": "no-equals",
	"a parameter unsigned": "added omitted", "values not folded": "value-not-folded", "names with capitals": "name-case",
	"no empty line": "blank-line", "host with a port": "host", "hash of nothing": "empty", "unsigned payload": "unsigned",
	"hash in capitals": "upper-case", "hash of the hash": "hash-of-hash",
	"hash of a body with a line feed": "trailing-newline trailing-newline-removed", "hash of other JSON": "json-reserialised",
}

// undecidable reports whether the request is shown as it was sent and was changed before that. If the change is a
// usual one, the signature shows what was signed, but not who changed it.
func (g *generated) undecidable() bool {
	return g.shown == asSent && slices.ContainsFunc(g.names, func(name string) bool { return strings.HasPrefix(name, "on the way") })
}

// checkDetail checks that a single mutation is identified down to its detail.
func (g *generated) checkDetail(t *testing.T, seed uint64, v *diagnosis.Verdict) {
	t.Helper()
	if len(g.names) != 1 || !g.truth[v.Cause] || g.site.s3 && v.Cause == "changed-body" { // this S3 does not reveal what it computed
		return
	}
	_, name, _ := strings.Cut(g.names[0], ": ")
	if want, ok := details[name]; ok && !slices.Contains(strings.Fields(want), v.Detail) {
		t.Errorf("seed %d: %s at %s: %s has the detail %q, want %q: %s", seed, g.names[0], g.site.service, v.Cause, v.Detail, want, v.Reason)
	}
}
