package diagnosis_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/diagnosis"
)

func latin1(body []byte) []byte {
	var out []byte
	for _, r := range string(body) {
		if r < 0x100 {
			out = append(out, byte(r))
		} else {
			out = append(out, '?')
		}
	}
	return out
}

// rewriteJSON parses the body and writes it as Go, JavaScript or Python would.
func rewriteJSON(r *rand.Rand, c *call) {
	var document any
	if json.Unmarshal(c.body, &document) != nil {
		return
	}
	out, _ := json.Marshal(document)
	switch r.IntN(4) {
	case 0: // JavaScript keeps the order of members, and drops white space outside strings and trailing zeros
		text := string(c.body)
		text = strings.NewReplacer(`": `, `":`, `, "`, `,"`, `[1, 2]`, `[1,2]`, "12.50", "12.5", "1e2", "100").Replace(text)
		out = []byte(text)
	case 1: // Python
		text := strings.NewReplacer("12.50", "12.5", "1e2", "100.0", "ü", `\u00fc`, "ß", `\u00df`).Replace(string(c.body))
		out = []byte(text)
	case 2:
		out, _ = json.MarshalIndent(document, "", "  ")
	}
	c.body = out
}

type signerMistake struct {
	name   string
	causes []diagnosis.Cause
	apply  func(g *generated, s *stages)
}

// place returns what the mistake concerns, or "" if it is one of single digits.
func (m *signerMistake) place() string {
	switch {
	case strings.Contains(m.name, "digit"), strings.Contains(m.name, "key of another"), strings.Contains(m.name, "far apart"):
		return ""
	case m.causes[0] == "wrong-secret" || m.causes[0] == "signed-key":
		return "key"
	case m.causes[0] == "changed-header":
		return "signed-headers"
	case strings.Contains(m.name, "holds query"):
		return "unclear"
	}
	return string(m.causes[0])
}

// bySigner are the mistakes that signers make.
var bySigner = []signerMistake{
	{"secret with a line feed", causes("wrong-secret"), func(_ *generated, s *stages) { s.secret += "\n" }},
	{"secret with a blank", causes("wrong-secret"), func(g *generated, s *stages) {
		s.secret = pick(g.r, " "+s.secret, s.secret+" ", s.secret+"\r\n", "\t"+s.secret)
	}},
	{"secret quoted", causes("wrong-secret"), func(g *generated, s *stages) { s.secret = `"` + s.secret + `"` }},
	{"secret URL-encoded", causes("wrong-secret"), func(g *generated, s *stages) { s.secret = url.QueryEscape(s.secret) }},
	{"secret cut", causes("wrong-secret"), func(g *generated, s *stages) { s.secret = pick(g.r, s.secret[1:], s.secret[:len(s.secret)-1]) }},
	{
		"another secret", causes("unclear", "wrong-secret"),
		func(_ *generated, s *stages) { s.secret = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY" },
	},
	{"no prefix", causes("signed-key"), func(_ *generated, s *stages) { s.prefix = "" }},
	{"key of another region", causes("signed-key"), func(_ *generated, s *stages) { s.keyRegion = "us-east-2" }},
	{"key of another service", causes("signed-key"), func(_ *generated, s *stages) { s.keyService = "sns" }},
	{
		"key of another day", causes("signed-key"),
		func(g *generated, s *stages) { s.keyDay = g.now.AddDate(0, 0, pick(g.r, -1, 1)).Format("20060102") },
	},
	{"base64", causes("signature-form"), func(_ *generated, s *stages) { s.write = base64.StdEncoding.EncodeToString }},
	{"capitals", causes("signature-form"), func(_ *generated, s *stages) {
		s.write = func(m []byte) string { return strings.ToUpper(hex.EncodeToString(m)) }
	}},
	{"a digit lost", causes("signature-form"), func(g *generated, s *stages) {
		s.write = func(m []byte) string { t := hex.EncodeToString(m); i := g.r.IntN(64); return t[:i] + t[i+1:] }
	}},
	{"another digit", causes("signature-form"), func(g *generated, s *stages) {
		s.write = func(m []byte) string {
			t, i := []byte(hex.EncodeToString(m)), g.r.IntN(64)
			t[i] = map[bool]byte{true: '0', false: '1'}[t[i] != '0']
			return string(t)
		}
	}},
	{"two clocks", causes("signed-time"), func(g *generated, s *stages) {
		s.at = s.at.Add(time.Duration(pick(g.r, -1, 1, 2, -2)) * time.Second)
	}},
	{
		"two clocks, far apart", causes("signed-time"),
		func(g *generated, s *stages) { s.at = s.at.Add(time.Duration(pick(g.r, -30, 119, 60)) * time.Second) },
	},
	{
		"two zones", causes("signed-time"),
		func(g *generated, s *stages) { s.at = s.at.Add(time.Duration(pick(g.r, -5, 1, 2, 11)) * time.Hour) },
	},
	{"path encoded once or twice", causes("signed-path"), func(g *generated, s *stages) {
		s.path = func(p string) string {
			if g.site.s3 {
				return strings.ReplaceAll(p, "%", "%25")
			}
			return p
		}
	}},
	{
		"path not encoded", causes("signed-path"),
		func(_ *generated, s *stages) { s.path = func(p string) string { p, _ = url.PathUnescape(p); return p } },
	},
	{"path holds query", causes("signed-path", "signed-query"), func(g *generated, s *stages) { s.pathHoldsQuery = g.call.query != "" }},
	{"path without stage", causes("signed-path"), func(_ *generated, s *stages) {
		path := s.path
		s.path = func(p string) string { _, rest, _ := strings.Cut(p[1:], "/"); return path("/" + rest) }
	}},
	{"path with a slash", causes("signed-path"), func(_ *generated, s *stages) {
		path := s.path
		s.path = func(p string) string { return path(p) + "/" }
	}},
	{"no query", causes("signed-query"), func(_ *generated, s *stages) { s.query = func(string) string { return "" } }},
	{"query unsorted", causes("signed-query"), func(_ *generated, s *stages) { s.query = func(q string) string { return q } }},
	{"query encoded twice", causes("signed-query"), func(_ *generated, s *stages) {
		s.query = func(q string) string { return strings.ReplaceAll(sortedQuery(q), "%", "%25") }
	}},
	{"query decoded", causes("signed-query"), func(_ *generated, s *stages) {
		s.query = func(q string) string { q, _ = url.PathUnescape(sortedQuery(q)); return q }
	}},
	{"no equals sign", causes("signed-query"), func(_ *generated, s *stages) {
		s.query = func(q string) string { return strings.ReplaceAll(sortedQuery(q), "empty=", "empty") }
	}},
	{"a parameter unsigned", causes("signed-query"), func(g *generated, s *stages) {
		pieces := strings.Split(g.call.query, "&")
		i := g.r.IntN(len(pieces))
		s.query = func(string) string {
			return sortedQuery(strings.Join(slices.Delete(slices.Clone(pieces), i, i+1), "&"))
		}
	}},
	{"values not folded", causes("signed-headers"), func(_ *generated, s *stages) { s.value = strings.TrimSpace }},
	{"names with capitals", causes("signed-headers"), func(_ *generated, s *stages) {
		s.name = func(n string) string {
			parts := strings.Split(n, "-")
			for i, p := range parts {
				parts[i] = strings.ToUpper(p[:1]) + p[1:]
			}
			return strings.Join(parts, "-")
		}
	}},
	{"no empty line", causes("signed-headers"), func(_ *generated, s *stages) { s.noBlank = true }},
	{"CR LF", causes("signed-headers"), func(_ *generated, s *stages) {
		s.canonical = func(c string) string { return strings.ReplaceAll(c, "\n", "\r\n") }
	}},
	{"host with a port", causes("signed-headers"), func(_ *generated, s *stages) { s.host = func(h string) string { return h + ":443" } }},
	{"another content type", causes("changed-header", "signed-headers"), func(g *generated, s *stages) {
		t := pick(g.r, "application/json; charset=utf-8", "text/plain", "application/octet-stream")
		s.contentType = &t
	}},
	{"hash of nothing", causes("signed-payload"), func(_ *generated, s *stages) { s.payload = func([]byte) string { return hexSHA(nil) } }},
	{
		"unsigned payload", causes("signed-payload"),
		func(_ *generated, s *stages) { s.payload = func([]byte) string { return "UNSIGNED-PAYLOAD" } },
	},
	{
		"hash in capitals", causes("signed-payload"),
		func(_ *generated, s *stages) { s.payload = func(b []byte) string { return strings.ToUpper(hexSHA(b)) } },
	},
	{
		"hash of the hash", causes("signed-payload"),
		func(_ *generated, s *stages) { s.payload = func(b []byte) string { return hexSHA([]byte(hexSHA(b))) } },
	},
	{"hash of a body with a line feed", causes("signed-payload"), func(_ *generated, s *stages) {
		s.payload = func(b []byte) string { return hexSHA(append(slices.Clone(b), '\n')) }
	}},
	{"hash of other JSON", causes("signed-payload"), func(g *generated, s *stages) {
		other := g.call.clone()
		rewriteJSON(g.r, other)
		s.payload = func([]byte) string { return hexSHA(other.body) }
	}},
}

func causes(ids ...diagnosis.Cause) []diagnosis.Cause { return ids }
