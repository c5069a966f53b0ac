package diagnosis

import (
	"encoding/hex"
	"strings"
	"time"

	"countersign/endpoints"
)

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
	add("prefix", "AWS4 was not put before the secret.", deriveChain([]byte(p.secret), p.scope...))
	add("", "The last step, aws4_request, was left out.", deriveChain(secret, day, region, service))
	add("", "Region and service were swapped.", deriveChain(secret, day, service, region, end))
	add("", "The secret itself was the key.", secret)
	add("", "The secret itself was the key.", []byte(p.secret))
	add("", "The steps were written in hexadecimal.", hexChain(secret, p.scope))
	add("date", "The key was derived with the whole time.", deriveChain(secret, p.date, region, service, end))
	for _, prefix := range []string{"aws4", "AWS", "Aws4", p.algorithm} {
		add("prefix", "Before the secret stood "+prefix+", not AWS4.", deriveChain([]byte(prefix+p.secret), p.scope...))
		list[len(list)-1].rare = true
	}
	for _, other := range []string{"AWS4_REQUEST", "aws4-request", "aws4", ""} {
		add("", "The last step was "+orThe(other, "empty")+", not aws4_request.", deriveChain(secret, day, region, service, other))
	}
	add("", "The scope was one step.", deriveChain(secret, strings.Join(p.scope, "/")))
	add("", "The key was written in hexadecimal.", []byte(hex.EncodeToString(deriveChain(secret, p.scope...))))
	dayTime, err := time.Parse("20060102", day)
	if err == nil {
		add("date", "The key was derived with another form of the day.", deriveChain(secret, dayTime.Format("2006-01-02"), region, service, end))
		list[len(list)-1].rare = true
		for _, d := range []int{1, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -14, -21, -28, -30, -31} { // for a key that was cached too long
			other := dayTime.AddDate(0, 0, d).Format("20060102")
			add("date", "The key was derived for "+other+", and the scope says "+day+".", deriveChain(secret, other, region, service, end))
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
			add("region", "The key was derived for "+r.Name+", and the scope says "+region+".", deriveChain(secret, day, r.Name, service, end))
		}
	}
	add("region", "The key was derived without a region.", deriveChain(secret, day, "", service, end))
	dayRegion := deriveChain(secret, day, region)
	for _, s := range endpoints.Services() {
		add("service", "The key was derived for "+s.Name+", and the scope says "+service+".", deriveChain(dayRegion, s.Name, end))
	}
	if m.given != nil { // signers take host names for service names
		labels := strings.Split(m.given.host, ".")
		for _, label := range append(labels, strings.Join(labels[:min(2, len(labels))], ".")) {
			add("service", "The key was derived for "+label+", and the scope says "+service+".", deriveChain(dayRegion, label, end))
		}
	}
	add("service", "The key was derived in capitals.", deriveChain(dayRegion, strings.ToUpper(service), end))
	return list
}

func hexChain(key []byte, parts []string) []byte {
	for _, part := range parts {
		key = []byte(hex.EncodeToString(mac(key, part)))
	}
	return key
}
