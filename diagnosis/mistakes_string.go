package diagnosis

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// stringMistakes are other forms of the string to sign.
func (m *mismatch) stringMistakes() []mistake {
	p, scope := m.prover, strings.Join(m.prover.scope, "/")
	var list []mistake
	add := func(note string, f func(c *hashedText) string) {
		list = append(list, mistake{dimension: inString, cause: "signed-string", place: "string-to-sign", note: note, toSign: f})
	}
	right := func(c *hashedText) string { return p.prefix + c.hash() }
	lines := func(lines ...string) string { return strings.Join(lines, "\n") }
	add("It ends in a line feed.", func(c *hashedText) string { return right(c) + "\n" })
	add("Its lines end in CR LF.", func(c *hashedText) string { return strings.ReplaceAll(right(c), "\n", "\r\n") })
	add("Its hash is in capitals.", func(c *hashedText) string { return p.prefix + strings.ToUpper(c.hash()) })
	add("It holds the canonical request in place of its hash.", func(c *hashedText) string { return p.prefix + string(c.text) })
	add("It holds the hash of the hash.", func(c *hashedText) string { return p.prefix + hexHash(c.hash()) })
	add("The canonical request was signed in its place.", func(c *hashedText) string { return string(c.text) })
	add("The hash of the canonical request was signed in its place.", (*hashedText).hash)
	add("Its scope has the access key id before it.", func(c *hashedText) string {
		return lines(p.algorithm, p.date, m.claim.keyID+"/"+scope, c.hash())
	})
	add("Its scope lacks aws4_request.", func(c *hashedText) string {
		return lines(p.algorithm, p.date, strings.TrimSuffix(scope, "/"+p.scope[3]), c.hash())
	})
	add("Its time is only the day.", func(c *hashedText) string { return lines(p.algorithm, p.date[:8], scope, c.hash()) })
	add("It has the date as it was sent.", func(c *hashedText) string { return lines(p.algorithm, m.claim.date, scope, c.hash()) })
	for _, other := range []string{
		p.scope[0], p.scope[1], strings.Join(p.scope[:2], "/"), strings.Join(p.scope[1:], "/"), scope + "/", "/" + scope, strings.ToLower(scope),
	} {
		add("Its scope is written as "+other+".", func(c *hashedText) string { return lines(p.algorithm, p.date, other, c.hash()) })
	}
	add("The canonical request ended in a line feed.", func(c *hashedText) string { return p.toSign(string(c.text) + "\n") })
	add("Its hash was signed in its place.", func(c *hashedText) string { return hexHash(right(c)) })
	add("Its hash was signed in its place.", func(c *hashedText) string {
		sum := sha256.Sum256([]byte(right(c)))
		return string(sum[:])
	})
	for _, layout := range otherTimes {
		at := m.claim.time.Format(layout)
		add("Its time is written as "+at+".", func(c *hashedText) string { return lines(p.algorithm, at, scope, c.hash()) })
	}
	for _, since := range []struct {
		unit string
		n    int64
	}{{"seconds", m.claim.time.Unix()}, {"milliseconds", m.claim.time.UnixMilli()}} {
		add("Its time is written in "+since.unit+" since 1970.", func(c *hashedText) string {
			return lines(p.algorithm, strconv.FormatInt(since.n, 10), scope, c.hash())
		})
	}
	add("It lacks the line of the algorithm.", func(c *hashedText) string { return lines(p.date, scope, c.hash()) })
	add("The hash is in base64.", func(c *hashedText) string { return p.prefix + base64.StdEncoding.EncodeToString(c.sum[:]) })
	for _, joint := range []string{" ", "", `\n`, "\r"} {
		note := "Its lines are joined by " + jointName(joint) + "."
		add(note, func(c *hashedText) string { return strings.ReplaceAll(right(c), "\n", joint) })
		note = "The lines of the canonical request are joined by " + jointName(joint) + "."
		joined := func(c *hashedText) string { return p.toSign(strings.ReplaceAll(string(c.text), "\n", joint)) }
		add(note, joined)
		add(note, func(c *hashedText) string { return strings.ReplaceAll(joined(c), "\n", joint) })
	}
	return list
}

// otherTimes are the formats in which programs write times by default.
var otherTimes = []string{
	"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000Z", time.RFC3339, httpTime, "20060102T150405", "2006-01-02", "20060102T150405.000Z",
	"2006-01-02 15:04:05", "Mon, 02 Jan 2006 15:04:05 +0000",
}

func jointName(joint string) string {
	switch joint {
	case " ":
		return "blanks"
	case "":
		return "nothing"
	case "\r":
		return "carriage returns"
	}
	return "a backslash and n, not by line feeds"
}
