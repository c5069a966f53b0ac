package diagnosis

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"iter"
	"strings"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

// timeMistakes: the clock was read twice.
func (m *mismatch) timeMistakes() []mistake {
	var list []mistake
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

// httpTime is the layout of HTTP's Date.
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// movedTimes: the time of the request itself was rewritten after signing, as by a client
// that sets its own date. Header or parameter and string to sign had another. They are
// many, so each is made when it is tried.
func (m *mismatch) movedTimes(base *canonical) iter.Seq[mistake] {
	return func(yield func(mistake) bool) {
		written := m.claim.time.Format(signing.TimeFormat)
		for _, h := range base.headers {
			layout := ""
			switch {
			case h.Name == "x-amz-date" && h.Value == written:
				layout = signing.TimeFormat
			case h.Name == "date" && m.claim.date == h.Value && h.Value == m.claim.time.Format(httpTime):
				layout = httpTime
			default:
				continue
			}
			const mark = "\x00" // which no header holds
			before, after, _ := strings.Cut(withValue(base, h.Name, mark), mark)
			if !m.eachTime(yield, func(at time.Time) mistake {
				signed := at.Format(layout)
				return mistake{
					cause: "changed-header", place: "header:" + h.Name, other: changedHeader(h.Name, signed, h.Value), moved: signed,
					apply: func(p *parts) { p.headers = before + signed + after },
				}
			}) {
				return
			}
		}
		if before, after, found := strings.Cut(base.query, "X-Amz-Date="+written); found {
			m.eachTime(yield, func(at time.Time) mistake {
				query := before + "X-Amz-Date=" + at.Format(signing.TimeFormat) + after
				return mistake{
					cause: "changed-query", place: "query", other: func() difference { return queryDifference(query, base.query) },
					apply: func(p *parts) { p.query = query },
				}
			})
		}
	}
}

// eachTime yields the mistake for each second of the 15 minutes before the time that the
// request tells, which is the time of sending; AWS takes none that is older. A minute
// after it is for another clock.
func (m *mismatch) eachTime(yield func(mistake) bool, at func(time.Time) mistake) bool {
	const longest, otherClock = 15 * 60, 60 // seconds
	for s := -longest; s <= otherClock; s++ {
		signed := m.claim.time.Add(time.Duration(s) * time.Second)
		k := at(signed)
		k.dimension, k.lead = inString, m.prover.leadAt(signed.Format(signing.TimeFormat))
		if s != 0 && !yield(k) {
			return false
		}
	}
	return true
}

// stringMistakes are other forms of the string to sign.
func (m *mismatch) stringMistakes() []mistake {
	p, scope := m.prover, strings.Join(m.prover.scope, "/")
	var list []mistake
	add := func(note string, f func(c string) string) {
		list = append(list, mistake{dimension: inString, cause: "signed-string", place: "string-to-sign", note: note, toSign: f})
	}
	add("It ends in a line feed.", func(c string) string { return p.toSign(c) + "\n" })
	add("Its lines end in CR LF.", func(c string) string { return strings.ReplaceAll(p.toSign(c), "\n", "\r\n") })
	add("Its hash is in capitals.", func(c string) string {
		return p.algorithm + "\n" + p.date + "\n" + scope + "\n" + strings.ToUpper(hexHash(c))
	})
	add("It holds the canonical request in place of its "+
		"hash.", func(c string) string { return p.algorithm + "\n" + p.date + "\n" + scope + "\n" + c })
	add("It holds the hash of the "+
		"hash.", func(c string) string { return p.algorithm + "\n" + p.date + "\n" + scope + "\n" + hexHash(hexHash(c)) })
	add("The canonical request was signed in its place.", func(c string) string { return c })
	add("The hash of the canonical request was signed in its place.", hexHash)
	add("Its scope has the access key id before it.", func(c string) string {
		return p.algorithm + "\n" + p.date + "\n" + m.claim.keyID + "/" + scope + "\n" + hexHash(c)
	})
	add("Its scope lacks aws4_request.", func(c string) string {
		return p.algorithm + "\n" + p.date + "\n" + strings.TrimSuffix(scope, "/"+p.scope[3]) + "\n" + hexHash(c)
	})
	add("Its time is the day alone.", func(c string) string { return p.algorithm + "\n" + p.date[:8] + "\n" + scope + "\n" + hexHash(c) })
	add("It has the date as it was "+
		"sent.", func(c string) string { return p.algorithm + "\n" + m.claim.date + "\n" + scope + "\n" + hexHash(c) })
	for _, layout := range otherTimes {
		at := m.claim.time.Format(layout)
		add("Its time is written as "+at+".", func(c string) string { return p.algorithm + "\n" + at + "\n" + scope + "\n" + hexHash(c) })
	}
	add("It lacks the line of the algorithm.", func(c string) string { return p.date + "\n" + scope + "\n" + hexHash(c) })
	add("The hash is in base64.", func(c string) string {
		sum := sha256.Sum256([]byte(c))
		return p.algorithm + "\n" + p.date + "\n" + scope + "\n" + base64.StdEncoding.EncodeToString(sum[:])
	})
	for _, joint := range []string{" ", "", `\n`, "\r"} {
		note := "Its lines are joined by " + jointName(joint) + "."
		add(note, func(c string) string { return strings.ReplaceAll(p.toSign(c), "\n", joint) })
		note = "The lines of the canonical request are joined by " + jointName(joint) + "."
		add(note, func(c string) string { return p.toSign(strings.ReplaceAll(c, "\n", joint)) })
		add(note, func(c string) string {
			return strings.ReplaceAll(p.toSign(strings.ReplaceAll(c, "\n", joint)), "\n", joint)
		})
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
	dayTime, err := time.Parse("20060102", day)
	if err == nil {
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

// secretMistakes are the slips of copying a secret.
func (m *mismatch) secretMistakes() []mistake {
	s := m.prover.secret
	var list []mistake
	add := func(detail string, secrets ...string) {
		for _, other := range secrets {
			if other != s {
				list = append(list, mistake{
					dimension: inKey, cause: "wrong-secret", detail: detail, place: "secret",
					note: "It was signed with the profile's secret after a slip of copying: " + infoOf("wrong-secret").detailTitle(detail) + ".",
					key:  chain([]byte("AWS4"+other), m.prover.scope...),
					rare: detail == "other" || len(list) > 28,
				})
			}
		}
	}
	add("white-space", s+"\n", s+" ", s+"\r\n", s+"\r", s+"\t", " "+s, "\t"+s, "\n"+s, strings.TrimSpace(s))
	add("quoted", `"`+s+`"`, "'"+s+"'", `"`+s, s+`"`, strings.Trim(s, `"'`))
	encoded := strings.NewReplacer("/", "%2F", "+", "%2B", "=", "%3D").Replace(s)
	add("url-encoded", encoded, strings.NewReplacer("/", "%2f", "+", "%2b", "=", "%3d").Replace(s), strings.ReplaceAll(s, "/", "%2F"),
		strings.ReplaceAll(s, "+", "%2B"), strings.ReplaceAll(s, "+", " "), strings.ReplaceAll(s, "/", `\/`), unescape(s))
	if len(s) > 2 {
		add("truncated", s[1:], s[:len(s)-1], s[:len(s)-2], s[2:])
		for i := 1; i < min(len(s)-1, 64); i++ {
			add("truncated", s[:i]+s[i+1:])
		}
	}
	add("other", strings.ToLower(s), strings.ToUpper(s), "", m.claim.keyID, m.claim.keyID+":"+s, s+s)
	add("other", base64.StdEncoding.EncodeToString([]byte(s)))
	if raw, err := base64.StdEncoding.DecodeString(s); err == nil { // 40 characters of this alphabet look like base64
		add("other", string(raw))
	}
	return list
}
