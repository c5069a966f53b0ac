package diagnosis

import (
	"slices"
	"strings"

	"countersign/signing"
)

// headerOrders are header orders other than the sorted one.
func headerOrders(base *canonical, listed []string, given *message) []mistake {
	var list []mistake
	asListed := slices.Clone(base.headers)
	slices.SortStableFunc(asListed, func(a, b signing.Header) int { return slices.Index(listed, a.Name) - slices.Index(listed, b.Name) })
	sorted := slices.Clone(base.headers)
	slices.SortStableFunc(sorted, func(a, b signing.Header) int { return strings.Compare(a.Name, b.Name) })
	reversed := slices.Clone(sorted)
	slices.Reverse(reversed)
	hostLast := slices.Clone(sorted)
	slices.SortStableFunc(hostLast, func(a, b signing.Header) int { return rankOf(a.Name == "host") - rankOf(b.Name == "host") })
	hostFirst := slices.Clone(sorted)
	slices.SortStableFunc(hostFirst, func(a, b signing.Header) int { return rankOf(b.Name == "host") - rankOf(a.Name == "host") })
	all := [][]signing.Header{asListed, sorted, hostLast, hostFirst, reversed}
	if given != nil {
		all = append(all, inRequestOrder(sorted, given, -1), inRequestOrder(sorted, given, len(given.headers)))
	}
	for _, headers := range all {
		var names []string
		for _, h := range headers {
			names = append(names, h.Name)
		}
		other := canonical{headers: headers}
		text, listed := other.lines(canonicalLine), strings.Join(names, ";")
		list = append(
			list,
			headerMistake("order", "header", "The headers were signed in another order.", func(p *parts) { p.headers = text }),
			headerMistake("order", "header", "The headers were signed and listed in another "+
				"order.", func(p *parts) { p.headers, p.list = text, listed }),
			headerMistake("order", "header", "SignedHeaders was signed in another order.", func(p *parts) { p.list = listed }),
		)
	}
	return list
}

func rankOf(last bool) int {
	if last {
		return 1
	}
	return 0
}

// inRequestOrder returns the headers in the order of the request. Host, which may not be among them, goes to one of the ends.
func inRequestOrder(sorted []signing.Header, given *message, host int) []signing.Header {
	place := func(name string) int {
		i := slices.IndexFunc(given.headers, func(h signing.Header) bool { return strings.EqualFold(h.Name, name) })
		if i < 0 && name == "host" {
			return host
		}
		return i
	}
	list := slices.Clone(sorted)
	slices.SortStableFunc(list, func(a, b signing.Header) int { return place(a.Name) - place(b.Name) })
	return list
}

// signedHeadersForms are other forms of SignedHeaders in the canonical request, and other separators between name and value.
func signedHeadersForms(base *canonical) []mistake {
	var list []mistake
	add := func(detail, note string, apply func(*parts)) {
		k := headerMistake(detail, "header", note, apply)
		k.rare = true
		list = append(list, k)
	}
	const other = "SignedHeaders was signed in another form."
	add("name-case", other, func(p *parts) { p.list = titledList(p.list) })
	add("name-case", other, func(p *parts) { p.list = strings.ToUpper(p.list) })
	add("", other, func(p *parts) { p.list += ";" })
	for _, joint := range []string{",", ", ", " ", "; ", ""} {
		add("", other, func(p *parts) { p.list = strings.ReplaceAll(p.list, ";", joint) })
	}
	add("", "SignedHeaders was not signed.", func(p *parts) { p.list = "" })
	add("", "The SignedHeaders line was left out.", func(p *parts) { p.list, p.short = p.payload, true })
	for _, mark := range []string{"=", " ", " : ", " :", ";"} {
		text := base.lines(func(h signing.Header) string { return h.Name + mark + h.Value })
		add("", "The names and values of the headers were not joined by a colon alone.", func(p *parts) { p.headers = text })
	}
	text := base.lines(func(h signing.Header) string {
		if h.Name == "x-amz-date" {
			return canonicalLine(h)
		}
		return h.Name + ":" + strings.ToLower(h.Value)
	})
	add("", "The values of the headers were signed in lower case.", func(p *parts) { p.headers = text })
	return list
}

// unlisted are headers that were signed but are not in SignedHeaders.
func (m *mismatch) unlisted(base *canonical, given *message) []mistake {
	if given == nil {
		return nil
	}
	var list []mistake
	for _, h := range given.headers {
		name := strings.ToLower(h.Name)
		if m.claim.covers(name) || name == "authorization" || len(list) > 40 {
			continue
		}
		more := canonical{headers: append(slices.Clone(base.headers), signing.Header{Name: name, Value: fold(given.header(name))})}
		slices.SortStableFunc(more.headers, func(a, b signing.Header) int { return strings.Compare(a.Name, b.Name) })
		text := more.lines(canonicalLine)
		names := append(strings.Split(base.signedHeaders, ";"), name)
		slices.Sort(names)
		listed := strings.Join(names, ";")
		for _, apply := range []func(*parts){
			func(p *parts) { p.headers = text }, func(p *parts) { p.headers, p.list = text, listed },
		} {
			k := headerMistake("", "header:"+name, name+" was signed, and SignedHeaders does not list it.", apply)
			k.rare = true
			list = append(list, k)
		}
	}
	return list
}
