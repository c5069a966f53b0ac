package diagnosis

import (
	"slices"
	"strings"

	"countersign/signing"
)

// mistakes lists the single mistakes that signers make in a canonical request, starting with the path. Without a
// message they are derived from the canonical request alone.
func (m *mismatch) mistakes(base *canonical, given *message) []mistake {
	var list []mistake
	list = append(list, m.pathMistakes(base, given)...)
	list = append(list, m.queryMistakes(base, given)...)
	list = append(list, m.headerMistakes(base, given)...)
	list = append(list, m.payloadMistakes(base, given)...)
	for _, method := range []string{"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", strings.ToLower(base.method)} {
		list = append(list, mistake{
			dimension: inMethod, cause: "changed-method", place: "method", note: method + " was signed, and " + base.method + " was sent.",
			apply: func(p *parts) { p.method = method },
		})
	}
	return list
}

// mistakesElsewhere returns the mistakes that do not involve the canonical request.
func (m *mismatch) mistakesElsewhere() []mistake {
	if m.elsewhere == nil {
		m.elsewhere = slices.Concat(m.timeMistakes(), m.stringMistakes(), m.keyMistakes(), m.secretMistakes(), m.otherScopes())
	}
	return m.elsewhere
}

func pathMistake(detail, note, path string) mistake {
	return mistake{
		dimension: inPath, cause: "signed-path", detail: detail, place: "path", note: note, apply: func(p *parts) { p.path = path },
	}
}

func (m *mismatch) pathMistakes(base *canonical, given *message) []mistake {
	wire, query := base.path, base.query
	if given != nil {
		wire, query = wirePath(given.path), signedQuery(given.query, m.style)
	} else {
		wire = onWire(wire, m.style)
	}
	once, twice := signing.CanonicalURI(normalPath(wire), true), signing.CanonicalURI(normalPath(wire), false)
	rawOnce, rawTwice := signing.CanonicalURI(wire, true), signing.CanonicalURI(wire, false)
	var list []mistake
	add := func(detail, note, path string) { list = append(list, pathMistake(detail, note, path)) }
	if m.style.encodedOnce {
		add("encoded-twice", "The path was encoded twice, but the service encodes it once.", rawTwice)
		add("normalised", "The path was normalized, but the service uses it as it is.", once)
		add("encoded-twice", "The path was normalized and encoded twice.", twice)
	} else {
		add("encoded-once", "The path was encoded once, but the service encodes it again.", once)
		add("not-normalised", "The path was signed with its slashes and dots, but the service removes them.", rawTwice)
		add("encoded-once", "The path was encoded once and not normalized.", rawOnce)
	}
	add("not-encoded", "The path was signed without percent-encoding.", unescape(wire))
	asSent := "not-encoded"
	if !m.style.encodedOnce && strings.Contains(wire, "%") {
		asSent = "encoded-once"
	}
	add(asSent, "The path was signed as it was sent.", wire)
	if given != nil {
		add("not-encoded", "The path was signed as it was written.", given.path)
	}
	add("not-encoded", "Characters of the path were not encoded.", laxPath(wire, m.style.encodedOnce))
	add("encoded-twice", "The path was encoded three times.", signing.CanonicalURI(twice, false))
	add("encoded-twice", "The percent signs of the path were encoded again.", strings.ReplaceAll(base.path, "%", "%25"))
	list = append(list, joinedPaths(base, wire, query)...)
	return append(list, m.otherPaths(base, given)...)
}

// joinedPaths are paths that include the query.
func joinedPaths(base *canonical, wire, query string) []mistake {
	if query == "" {
		return nil
	}
	var list []mistake
	for _, tail := range []string{"?" + query, "?" + base.query, signing.CanonicalURI("?"+query, true), "%3F" + query} {
		k := pathMistake("holds-query", "The query was signed as part of the path.", base.path+tail)
		both := k
		k.apply = func(p *parts) { p.path, p.query = base.path+tail, "" }
		list = append(list, k, both, pathMistake("holds-query", k.note, wire+tail))
	}
	return list
}

// otherPaths are a part of the path, or the path with something added.
func (m *mismatch) otherPaths(base *canonical, given *message) []mistake {
	var list []mistake
	add := func(detail, note, path string) { list = append(list, pathMistake(detail, note, path)) }
	rest := base.path
	for range 4 {
		i := strings.IndexByte(strings.TrimPrefix(rest, "/"), '/')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		add("prefix-removed", "The first segments of the path were not signed.", rest)
	}
	add("prefix-removed", "Only a slash was signed as the path.", "/")
	add("trailing-slash", "The slash at the end was signed in another way.", strings.TrimRight(base.path, "/"))
	add("trailing-slash", "The slash at the end was signed in another way.", base.path+"/")
	add("other", "The path was signed without its first slash.", strings.TrimPrefix(base.path, "/"))
	add("other", "The path was not signed.", "")
	add("hex-case", "The percent-encoding was signed in lower case.", lowerHex(base.path))
	add("other", "The path was signed in lower case.", strings.ToLower(base.path))
	add("other", "Spaces of the path were signed as plus signs.", strings.NewReplacer("%2520", "+", "%20", "+").Replace(base.path))
	add("other", "Slashes of the path were percent-encoded.", strings.ReplaceAll(base.path, "/", "%2F"))
	add("other", "Slashes of the path were percent-encoded.", "/"+strings.ReplaceAll(strings.TrimPrefix(base.path, "/"), "/", "%2F"))
	if given != nil {
		address, _, _ := strings.Cut(given.url, "?")
		add("other", "The whole address was signed as the path.", given.url)
		add("other", "The address was signed as the path.", address)
		if m.style.encodedOnce { // for a bucket in the host that was signed in the path
			bucket, _, _ := strings.Cut(given.host, ".")
			add("prefix-added", "The bucket was signed as part of the path, but it is in the host.", "/"+bucket+base.path)
		}
	}
	for _, path := range looseForms(base.path) {
		add("not-encoded", "Characters of the path were not encoded.", path)
		list[len(list)-1].rare = true
	}
	return list
}

// uriMarks undoes the encoding of the characters that encodeURI leaves as they are.
var uriMarks = strings.NewReplacer("%21", "!", "%23", "#", "%24", "$", "%26", "&", "%27", "'", "%28", "(", "%29", ")", "%2A", "*",
	"%2B", "+", "%2C", ",", "%2F", "/", "%3A", ":", "%3B", ";", "%3D", "=", "%3F", "?", "%40", "@")

// looseForms returns a text with those percent-encodings undone that programs omit: all that encodeURI omits, and
// each encoded character alone. If a character is encoded twice, both levels are tried.
func looseForms(encoded string) []string {
	list := []string{uriMarks.Replace(encoded)}
	seen := map[string]bool{}
	for i := 0; i+2 < len(encoded) && len(seen) < 12; i++ {
		if code := encoded[i : i+3]; code[0] == '%' && !seen[code] {
			seen[code] = true
			list = append(list, strings.ReplaceAll(encoded, code, unescape(code)))
		}
		if i+4 < len(encoded) && twiceEncoded().MatchString(encoded[i:i+5]) && !seen[encoded[i:i+5]] {
			twice := encoded[i : i+5]
			seen[twice] = true
			list = append(list, strings.ReplaceAll(encoded, twice, unescape(twice)), strings.ReplaceAll(encoded, twice, unescape(unescape(twice))))
		}
	}
	return list
}

// laxPath encodes as encodeURIComponent does, which leaves ! ' ( ) * as they are.
func laxPath(path string, single bool) string {
	if single {
		path = unescape(path)
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = lax(s)
	}
	return strings.Join(segments, "/")
}

var laxMarks = strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

func lax(s string) string { return laxMarks.Replace(escape(s)) }

func lowerHex(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b.WriteString(strings.ToLower(s[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (m *mismatch) queryMistakes(base *canonical, given *message) []mistake {
	if base.query == "" {
		return nil
	}
	raw := base.query
	if given != nil {
		raw = signedQuery(given.query, m.style)
	}
	pieces, pairs := strings.Split(raw, "&"), queryPairs(strings.ReplaceAll(raw, "+", "%20"))
	var list []mistake
	add := func(detail, note, query string) { list = append(list, queryMistake(detail, note, query)) }
	spell := func(encode func(string) string, sorted bool) string {
		var out []string
		for _, p := range pairs {
			out = append(out, encode(p.Name)+"="+encode(p.Value))
		}
		if sorted {
			slices.Sort(out)
		}
		return strings.Join(out, "&")
	}
	sorted := slices.Sorted(slices.Values(pieces))
	add("omitted", "The query was not signed.", "")
	add("unsorted", "The parameters were signed in the order in which they were sent.", spell(escape, false))
	add("unsorted", "The parameters were sorted as text, values included.", spell(escape, true))
	add("unsorted", "The parameters were sorted without regard to case.", foldSorted(base.query))
	add("encoded-twice", "The query was encoded twice.", spell(func(s string) string { return escape(escape(s)) }, true))
	add("encoded-twice", "The query was encoded twice.", canonicalQuery(strings.ReplaceAll(raw, "%", "%25")))
	add("encoded-twice", "The percent signs of the query were encoded again.", strings.ReplaceAll(base.query, "%", "%25"))
	if strings.ContainsAny(raw, "+") || strings.Contains(base.query, "%20") || strings.Contains(base.query, "%2B") {
		add("plus", "Plus signs were signed as %2B.", canonicalQuery(strings.ReplaceAll(raw, "+", "%2B")))
		add("plus", "Spaces were signed as plus signs.", strings.ReplaceAll(base.query, "%20", "+"))
		add("plus", "Plus signs were signed as spaces.", strings.ReplaceAll(base.query, "%2B", "%20"))
		add("plus", "Plus signs were signed as they are.", strings.ReplaceAll(base.query, "%2B", "+"))
	}
	if strings.Contains(base.query+"&", "=&") {
		add("no-equals", "A parameter without a value was signed without its equals "+
			"sign.", strings.TrimSuffix(strings.ReplaceAll(base.query+"&", "=&", "&"), "&"))
	}
	add("not-encoded", "The query was signed as it was sent.", raw)
	add("not-encoded", "The query was signed as it was sent, sorted.", strings.Join(sorted, "&"))
	add("not-encoded", "The query was signed without percent-encoding.", spell(func(s string) string { return s }, true))
	add("not-encoded", "The query was signed without percent-encoding and unsorted.", spell(func(s string) string { return s }, false))
	add("not-encoded", "Characters of the query were not encoded.", spell(lax, true))
	add("not-encoded", "Characters of the query were not encoded, nor was it sorted.", spell(lax, false))
	add("other", "The percent-encoding was signed in lower case.", lowerHex(base.query))
	add("other", "The query was signed with its question mark.", "?"+base.query)
	list = append(list, leftOut(base.query)...)
	return append(list, otherQueries(base.query, spell(escape, false))...)
}

func queryMistake(detail, note, query string) mistake {
	return mistake{
		dimension: inQuery, cause: "signed-query", detail: detail, place: "query", note: note, apply: func(p *parts) { p.query = query },
	}
}

// leftOut returns the query once without each of its parameters.
func leftOut(query string) []mistake {
	var list []mistake
	pieces := strings.Split(query, "&")
	for i, piece := range pieces[:min(len(pieces), 20)] {
		name, _, _ := strings.Cut(piece, "=")
		without := strings.Join(slices.Delete(slices.Clone(pieces), i, i+1), "&")
		list = append(list, queryMistake("added", "The parameter "+unescape(name)+" was added after signing.", without))
	}
	return list
}

func foldSorted(query string) string {
	pieces := strings.Split(query, "&")
	slices.SortStableFunc(pieces, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return strings.Join(pieces, "&")
}
