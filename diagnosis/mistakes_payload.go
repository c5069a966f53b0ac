package diagnosis

import (
	"cmp"
	"crypto/md5"  //nolint:gosec // signers use it by mistake
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"iter"
	"strings"

	"countersign/signing"
)

func payloadMistake(detail, note, payload string) mistake {
	return mistake{
		dimension: inPayload, cause: "signed-payload", detail: detail, place: "body", note: note, apply: func(p *parts) { p.payload = payload },
	}
}

func (m *mismatch) payloadMistakes(base *canonical, given *message) []mistake {
	empty := signing.PayloadHash(nil)
	body := base.payload
	var content []byte
	if given != nil && given.bodyKnown {
		content = given.body
		if given.bodyExact || !m.arrived.whole {
			body = hashOf(content)
		}
	}
	var list []mistake
	add := func(detail, note, payload string) { list = append(list, payloadMistake(detail, note, payload)) }
	add("empty", "The hash of an empty body was signed, "+empty+"; the service expects "+orThe(base.payload, "that of the body")+".", empty)
	add("unsigned", "UNSIGNED-PAYLOAD was signed, but the service hashes the body.", signing.UnsignedPayload)
	claimed := m.claim.payloadHash
	if detail := claimedDetail(claimed); claimed != "" && detail != "other" {
		add(detail, "The value of x-amz-content-sha256 was signed, but the service hashes the body.", claimed)
	}
	if body != "" && body != base.payload {
		add("other", "The hash of the body was signed; the service expects "+base.payload+".", body)
	}
	raw, _ := hex.DecodeString(body)
	if len(raw) == 32 {
		std := base64.StdEncoding.EncodeToString(raw)
		twice := sha256.Sum256(raw)
		add("upper-case", "The hash was signed in capitals.", strings.ToUpper(body))
		add("base64", "The hash was signed in base64.", std)
		add("base64", "The hash was signed in base64.", base64.RawURLEncoding.EncodeToString(raw))
		add("hash-of-hash", "The hash of the hash was signed.", hexHash(body))
		add("hash-of-hash", "The hash of the hash was signed.", hex.EncodeToString(twice[:]))
	}
	add("missing", "No hash was signed.", "")
	list = append(list, mistake{
		dimension: inPayload, cause: "signed-payload", detail: "missing", place: "body", note: "The payload hash line was left out.",
		apply: func(p *parts) { p.short = true },
	})
	list = append(list, queryAsBody(base, given)...)
	if given != nil && given.bodyKnown {
		list = append(list, otherDigests(content)...)
		if len(content) < 16<<10 {
			add("other", "The body itself was signed in place of its hash.", string(content))
		}
		for _, v := range m.budget.hashes(content, given.header("content-type")) {
			k := payloadMistake(
				signedDetail(v.change), "The body was signed in another form than it was sent: "+bodyNote(signedDetail(v.change))+".", v.hash(),
			)
			k.bodyChange = v.backward
			list = append(list, k)
		}
	}
	list = append(list, m.otherBodies()...)
	if claimed != "" {
		k := payloadMistake("other", "The hash in x-amz-content-sha256 was signed, but it is not that of the body.", claimed)
		k.bodyChange = "other"
		list = append(list, k)
	}
	return list
}

// otherBodies are what programs write for a missing body, and what the paste shows.
func (m *mismatch) otherBodies() []mistake {
	var list []mistake
	for word, hash := range emptyBodyHashes() {
		note := "The hash of " + word + " was signed: programs write that for a missing body or an object."
		list = append(list, payloadMistake("other", note, hash))
	}
	for _, named := range m.bodiesInPaste() {
		k := payloadMistake("other", "The body as it is in the text was signed, but another was sent.", hashOf(named))
		k.bodyChange = "other"
		list = append(list, k)
	}
	for i := range list {
		list[i].rare = true
	}
	return list
}

// queryAsBody are hashes of the query. It is not the body, although the query API accepts it there.
func queryAsBody(base *canonical, given *message) []mistake {
	if base.query == "" {
		return nil
	}
	queries := []string{base.query}
	if given != nil {
		queries = append(queries, given.query)
	}
	var list []mistake
	for _, query := range queries {
		k := payloadMistake("other", "The hash of the query was signed as that of the body.", hexHash(query))
		k.rare = true
		list = append(list, k)
	}
	return list
}

// otherDigests are hashes of the body by functions other than SHA-256.
func otherDigests(content []byte) []mistake {
	short, long, middle := sha1.Sum(content), sha512.Sum512(content), sha512.Sum384(content) //nolint:gosec // compared, not trusted
	old := md5.Sum(content)                                                                  //nolint:gosec // the same
	var list []mistake
	for _, d := range []struct {
		name string
		sum  []byte
	}{{"MD5", old[:]}, {"SHA-1", short[:]}, {"SHA-384", middle[:]}, {"SHA-512", long[:]}} {
		for _, text := range []string{hex.EncodeToString(d.sum), base64.StdEncoding.EncodeToString(d.sum)} {
			k := payloadMistake("other", "The "+d.name+" of the body was signed; Signature Version 4 uses SHA-256.", text)
			k.rare = true
			list = append(list, k)
		}
	}
	return list
}

// emptyBodyWords are what programs write for nothing, and for an object that they do not serialize as JSON.
var emptyBodyWords = []string{"undefined", "null", "[object Object]", "{}", "[]", `""`, "''", "None", "nil", "false", "NaN", " ", "\n"}

// emptyBodyHashes yields the words with their hashes.
func emptyBodyHashes() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, w := range emptyBodyWords {
			if !yield(cmp.Or(strings.TrimSpace(w), "white space"), hexHash(w)) {
				return
			}
		}
	}
}

// emptyBodyWord returns the word that has a hash, or "".
func emptyBodyWord(hash string) string {
	for word, h := range emptyBodyHashes() {
		if h == hash {
			return word
		}
	}
	return ""
}

func claimedDetail(claimed string) string {
	switch {
	case claimed == signing.PayloadHash(nil):
		return "empty"
	case claimed == signing.UnsignedPayload:
		return "unsigned"
	}
	return "other"
}

// signedDetail names a change for the case that the variant was signed and the body was sent in its original form.
func signedDetail(c change) string {
	if strings.HasPrefix(c.backward, "trailing-newline") {
		return "trailing-newline"
	}
	return c.backward
}

func bodyNote(detail string) string {
	for _, d := range bodyDetails {
		if d.ID == detail {
			return d.Title
		}
	}
	return detail
}
