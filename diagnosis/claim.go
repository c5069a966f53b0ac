package diagnosis

import (
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"countersign/reading"
	"countersign/signing"
)

// claim is what a request says about its own signature. It is read leniently; package signing reads well-formed ones.
type claim struct {
	raw       string // the Authorization header
	scheme    string // its first word
	presigned bool   // the signature is in the query
	inHeader  bool   // the signature is in a header; both may be true
	v2        bool   // Signature Version 2

	maskedKey bool // the key id was masked before pasting

	algorithm     string
	credential    string
	keyID         string
	scope         []string // date, region, service, aws4_request
	signedHeaders string
	signature     string
	components    map[string]bool // the components that were found

	date        string // as written
	time        time.Time
	expires     string
	token       string
	payloadHash string
}

// readClaim reads the claim of a request, and takes what the request does not say from the refusal.
func readClaim(m *message, f *reading.Refusal) claim {
	c := claim{components: map[string]bool{}}
	if m != nil {
		c.readHeaders(m)
		c.readQuery(m)
	} else if quoted := quotedAuthorization(f); quoted != "" {
		c.readAuthorization(quoted)
	}
	if looksMasked(c.keyID) && !strings.Contains(c.keyID, "EXAMPLE") { // masked before pasting
		c.keyID, c.credential, c.maskedKey = "", "", true
	}
	if c.signature == "" {
		c.signature = f.SignatureProvided.Text()
	}
	if c.keyID == "" {
		c.keyID = f.AccessKeyID.Text()
	}
	c.readStringToSign(f.StringToSign.Text())
	return c
}

// quotedAuthorization returns the Authorization header that a refusal echoes.
func quotedAuthorization(f *reading.Refusal) string {
	if strings.EqualFold(f.Field("ArgumentName").Text(), "Authorization") {
		return f.Field("ArgumentValue").Text()
	}
	return f.Field("Authorization").Text()
}

func (c *claim) readHeaders(m *message) {
	c.date = m.header("x-amz-date")
	if c.date == "" {
		c.date = m.header("date")
	}
	c.token = m.header("x-amz-security-token")
	c.payloadHash = m.header("x-amz-content-sha256")
	if m.has("authorization") {
		c.readAuthorization(m.header("authorization"))
	}
	c.time, _ = parseTime(c.date)
}

func (c *claim) readAuthorization(value string) {
	c.raw, c.inHeader = value, true
	c.scheme, _, _ = strings.Cut(strings.TrimLeft(value, ` "'`), " ")
	c.algorithm = c.scheme
	if c.scheme == "AWS" {
		c.v2 = true
		_, rest, _ := strings.Cut(value, " ")
		c.keyID, c.signature, _ = strings.Cut(strings.TrimSpace(rest), ":")
		return
	}
	if !strings.HasPrefix(c.scheme, "AWS4-") {
		return
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if part, ok := component(value, name); ok {
			c.components[name] = true
			c.set(name, part)
		}
	}
}

// component returns the value after a name, up to the next comma or name.
func component(value, name string) (string, bool) {
	at := strings.Index(value, name+"=")
	if at < 0 {
		return "", false
	}
	rest := value[at+len(name)+1:]
	end := len(rest)
	for _, stop := range []string{",", "Credential=", "SignedHeaders=", "Signature="} {
		if i := strings.Index(rest, stop); i >= 0 && i < end {
			end = i
		}
	}
	return strings.TrimSpace(rest[:end]), true
}

func (c *claim) set(name, value string) {
	switch name {
	case "Credential":
		c.credential = value
		id, scope, found := strings.Cut(value, "/")
		c.keyID = id
		if found {
			c.scope = strings.Split(scope, "/")
		}
	case "SignedHeaders":
		c.signedHeaders = value
	case "Signature":
		c.signature = value
	}
}

func (c *claim) readQuery(m *message) {
	v2 := 0
	for _, p := range queryPairs(m.query) {
		switch strings.ToLower(p.Name) {
		case "x-amz-signature":
			c.presigned = true
			c.readParameter("Signature", p.Value)
		case "x-amz-credential":
			c.readParameter("Credential", p.Value)
		case "x-amz-signedheaders":
			c.readParameter("SignedHeaders", p.Value)
		case "x-amz-algorithm":
			c.components["Algorithm"] = true
			c.readParameter("Algorithm", p.Value)
		case "x-amz-date":
			c.readParameter("Date", p.Value)
		case "x-amz-expires":
			c.expires = p.Value
		case "x-amz-security-token":
			c.token = p.Value
		case "x-amz-content-sha256":
			c.payloadHash = p.Value
		case "awsaccesskeyid":
			v2++
			if !c.inHeader {
				c.keyID = p.Value
			}
		case "signature":
			v2++
			if !c.inHeader && c.signature == "" {
				c.signature = p.Value
			}
		}
	}
	c.v2 = c.v2 || v2 == 2
}

// readParameter keeps a parameter of a presigned URL. If there is an Authorization header as well, the header takes
// precedence, because clients keep URLs and add headers.
func (c *claim) readParameter(name, value string) {
	if c.inHeader && name != "Date" {
		return
	}
	switch name {
	case "Algorithm":
		c.algorithm = value
	case "Date":
		c.date = value
		c.time, _ = parseTime(value)
	default:
		c.components[name] = true
		c.set(name, value)
	}
}

// readStringToSign takes from AWS's string to sign what the request does not say.
func (c *claim) readStringToSign(text string) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "AWS4-") {
		return
	}
	if c.algorithm == "" {
		c.algorithm = lines[0]
	}
	if c.date == "" {
		c.date = lines[1]
		c.time, _ = parseTime(lines[1])
	}
	if c.scope == nil {
		c.scope = strings.Split(lines[2], "/")
	}
}

// signed reports whether the request carries a signature of any kind, or the refusal says that it does.
func (c *claim) signed() bool { return c.presigned || c.signature != "" || c.credential != "" }

func (c *claim) scopePart(i int) string {
	if len(c.scope) == 4 {
		return c.scope[i]
	}
	if c.algorithm == string(signing.ECDSA) && len(c.scope) == 3 { // SigV4a scopes have no region
		return [4]string{c.scope[0], "", c.scope[1], c.scope[2]}[i]
	}
	return ""
}

func (c *claim) day() string        { return c.scopePart(0) }
func (c *claim) region() string     { return c.scopePart(1) }
func (c *claim) service() string    { return c.scopePart(2) }
func (c *claim) terminator() string { return c.scopePart(3) }

// names returns the signed headers in lower case.
func (c *claim) names() []string {
	if c.signedHeaders == "" {
		return nil
	}
	return strings.Split(strings.ToLower(c.signedHeaders), ";")
}

func (c *claim) covers(name string) bool {
	for _, n := range c.names() {
		if n == strings.ToLower(name) {
			return true
		}
	}
	return false
}

// wellFormed reports whether the signature has the form of one.
func (c *claim) wellFormed() bool {
	if c.algorithm == string(signing.ECDSA) {
		return true
	}
	raw, err := hex.DecodeString(c.signature)
	return err == nil && len(raw) == 32 && c.signature == strings.ToLower(c.signature)
}

// queryPairs returns the parameters of a query, decoded if possible.
func queryPairs(query string) []signing.Parameter {
	var pairs []signing.Parameter
	for piece := range strings.SplitSeq(query, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		pairs = append(pairs, signing.Parameter{Name: unescape(name), Value: unescape(value)})
		if len(pairs) >= 1024 {
			break
		}
	}
	return pairs
}

// unescape decodes percent-encoding, or returns the text unchanged if it cannot be decoded.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
