package diagnosis

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

// timeMistakes: the clock was read twice.
func (m *mismatch) timeMistakes() []mistake {
	list := make([]mistake, 0, 2*(120+28))
	add := func(d time.Duration) {
		at := m.claim.time.Add(d).Format(signing.TimeFormat)
		list = append(list, mistake{
			dimension: inString, cause: "signed-time", place: "time", signed: at,
			note: "The string to sign has " + at + ", and x-amz-date " + m.prover.date + ": the clock was read twice.",
			rare: d.Abs() > 2*time.Second && d%time.Hour != 0 || d.Abs() > 14*time.Hour,
			lead: m.prover.leadAt(at),
		})
	}
	for s := 1; s <= 120; s++ {
		add(time.Duration(s) * time.Second)
		add(-time.Duration(s) * time.Second)
	}
	for half := 1; half <= 28; half++ {
		add(time.Duration(half) * 30 * time.Minute)
		add(-time.Duration(half) * 30 * time.Minute)
	}
	return list
}

// stringMistakes are other forms of the string to sign.
func (m *mismatch) stringMistakes() []mistake {
	p, scope := m.prover, strings.Join(m.prover.scope, "/")
	var list []mistake
	add := func(note string, f func(c *hashedText) string) {
		list = append(list, mistake{dimension: inString, cause: "signed-string", place: "string-to-sign", note: note, toSign: f})
	}
	right := func(c *hashedText) string { return p.lead + c.hash() }
	lines := func(lines ...string) string { return strings.Join(lines, "\n") }
	add("It ends in a line feed.", func(c *hashedText) string { return right(c) + "\n" })
	add("Its lines end in CR LF.", func(c *hashedText) string { return strings.ReplaceAll(right(c), "\n", "\r\n") })
	add("Its hash is in capitals.", func(c *hashedText) string { return p.lead + strings.ToUpper(c.hash()) })
	add("It holds the canonical request in place of its hash.", func(c *hashedText) string { return p.lead + string(c.text) })
	add("It holds the hash of the hash.", func(c *hashedText) string { return p.lead + hexHash(c.hash()) })
	add("The canonical request was signed in its place.", func(c *hashedText) string { return string(c.text) })
	add("The hash of the canonical request was signed in its place.", (*hashedText).hash)
	add("Its scope has the access key id before it.", func(c *hashedText) string {
		return lines(p.algorithm, p.date, m.claim.keyID+"/"+scope, c.hash())
	})
	add("Its scope lacks aws4_request.", func(c *hashedText) string {
		return lines(p.algorithm, p.date, strings.TrimSuffix(scope, "/"+p.scope[3]), c.hash())
	})
	add("Its time is the day alone.", func(c *hashedText) string { return lines(p.algorithm, p.date[:8], scope, c.hash()) })
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
	for _, at := range []int64{m.claim.time.Unix(), m.claim.time.UnixMilli()} {
		add("Its time is written in seconds since 1970.", func(c *hashedText) string {
			return lines(p.algorithm, strconv.FormatInt(at, 10), scope, c.hash())
		})
	}
	add("It lacks the line of the algorithm.", func(c *hashedText) string { return lines(p.date, scope, c.hash()) })
	add("The hash is in base64.", func(c *hashedText) string { return p.lead + base64.StdEncoding.EncodeToString(c.sum[:]) })
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

// otherTimes are the forms in which programs write a time by themselves.
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

// keyMistakes are other derivations of the signing key.
func (m *mismatch) keyMistakes() []mistake {
	p := m.prover
	day, region, service, end := p.scope[0], p.scope[1], p.scope[2], p.scope[3]
	var list []mistake
	add := func(detail, note string, key []byte) {
		list = append(list, mistake{
			dimension: inKey, cause: "signed-key", detail: detail, place: "key", note: note, key: key, rare: detail != "prefix" && detail != "date",
		})
	}
	secret := []byte("AWS4" + p.secret)
	add("prefix", "AWS4 was not put before the secret.", chain([]byte(p.secret), p.scope...))
	add("", "The last step, aws4_request, was left out.", chain(secret, day, region, service))
	add("", "Region and service were swapped.", chain(secret, day, service, region, end))
	add("", "The secret itself was the key.", secret)
	add("", "The secret itself was the key.", []byte(p.secret))
	add("", "The steps were written in hexadecimal.", hexChain(secret, p.scope))
	add("date", "The key was derived with the whole time.", chain(secret, p.date, region, service, end))
	for _, prefix := range []string{"aws4", "AWS", "Aws4", p.algorithm} {
		add("prefix", "Before the secret stood "+prefix+", not AWS4.", chain([]byte(prefix+p.secret), p.scope...))
		list[len(list)-1].rare = true
	}
	for _, other := range []string{"AWS4_REQUEST", "aws4-request", "aws4", ""} {
		add("", "The last step was "+orThe(other, "empty")+", not aws4_request.", chain(secret, day, region, service, other))
	}
	add("", "The scope was one step.", chain(secret, strings.Join(p.scope, "/")))
	add("", "The key was written in hexadecimal.", []byte(hex.EncodeToString(chain(secret, p.scope...))))
	dayTime, err := time.Parse("20060102", day)
	if err == nil {
		add("date", "The key was derived with another form of the day.", chain(secret, dayTime.Format("2006-01-02"), region, service, end))
		list[len(list)-1].rare = true
		for _, d := range []int{1, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -14, -21, -28, -30, -31} { // a key that was kept
			other := dayTime.AddDate(0, 0, d).Format("20060102")
			add("date", "The key was derived for "+other+", and the scope says "+day+".", chain(secret, other, region, service, end))
			list[len(list)-1].rare = d < -2
		}
	}
	return list
}

// otherScopes are keys for another region or service than the scope says.
func (m *mismatch) otherScopes() []mistake {
	p := m.prover
	day, region, service, end := p.scope[0], p.scope[1], p.scope[2], p.scope[3]
	var list []mistake
	add := func(detail, note string, key []byte) {
		list = append(list, mistake{dimension: inKey, cause: "signed-key", detail: detail, place: "key", note: note, key: key, rare: true})
	}
	secret := []byte("AWS4" + p.secret)
	for _, g := range endpoints.Regions() {
		for _, r := range g.Regions {
			add("region", "The key was derived for "+r.Name+", and the scope says "+region+".", chain(secret, day, r.Name, service, end))
		}
	}
	add("region", "The key was derived without a region.", chain(secret, day, "", service, end))
	dayRegion := chain(secret, day, region)
	for _, s := range endpoints.Services() {
		add("service", "The key was derived for "+s.Name+", and the scope says "+service+".", chain(dayRegion, s.Name, end))
	}
	if m.at != nil { // names of hosts are taken for those of services
		labels := strings.Split(m.at.host, ".")
		for _, label := range append(labels, strings.Join(labels[:min(2, len(labels))], ".")) {
			add("service", "The key was derived for "+label+", and the scope says "+service+".", chain(dayRegion, label, end))
		}
	}
	add("service", "The key was derived in capitals.", chain(dayRegion, strings.ToUpper(service), end))
	return list
}

func hexChain(key []byte, parts []string) []byte {
	for _, part := range parts {
		key = []byte(hex.EncodeToString(mac(key, part)))
	}
	return key
}
