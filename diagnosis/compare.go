package diagnosis

import (
	"slices"
	"strings"

	"countersign/signing"
)

// difference is a place where what was signed and what arrived differ.
type difference struct {
	cause           Cause
	detail          string
	place           string
	signed, arrived string
	side            Side
	note            string // a guess at the reason, for display
}

func (d *difference) finding(certainty Certainty, reason string) finding {
	if d.note != "" {
		reason = d.note + " " + reason
	}
	return finding{
		cause: d.cause, detail: d.detail, place: d.place, side: d.side, certainty: certainty, reason: strings.TrimSpace(reason),
		evidence: []Evidence{{Part: d.place, Signed: d.signed, Arrived: d.arrived}},
	}
}

// differences compares two canonical requests, in the order of their lines.
func differences(signed, arrived *canonical, style canonicalStyle) []difference {
	var list []difference
	if signed.method != arrived.method {
		list = append(list, difference{
			cause: "changed-method", place: "method", signed: signed.method, arrived: arrived.method,
			note: signed.method + " was signed, and " + safeID(arrived.method) + " arrived.",
		})
	}
	if signed.path != arrived.path {
		list = append(list, pathDifference(signed.path, arrived.path, style))
	}
	if signed.query != arrived.query {
		list = append(list, queryDifference(signed.query, arrived.query))
	}
	list = append(list, headerDifferences(signed, arrived)...)
	if arrived.payload != "" && signed.payload != "" && signed.payload != arrived.payload {
		list = append(list, difference{cause: "changed-body", place: "body", signed: signed.payload, arrived: arrived.payload})
	}
	return list
}

// onWire undoes the second encoding of a canonical path.
func onWire(path string, style canonicalStyle) string {
	if style.encodedOnce {
		return path
	}
	return unescape(path)
}

func pathDifference(signed, arrived string, style canonicalStyle) difference {
	d := difference{cause: "changed-path", place: "path", signed: signed, arrived: arrived, detail: "other"}
	s, a := onWire(signed, style), onWire(arrived, style)
	d.detail, d.note = pathDetail(s, a)
	if d.detail == "prefix-removed" || d.detail == "prefix-added" {
		d.side = SideProxy
	}
	return d
}

// pathDetail says what happened to a path between two points.
func pathDetail(s, a string) (detail, note string) {
	normal := normalPath(s)
	switch {
	case strings.EqualFold(s, a) && unescape(s) == unescape(a):
		return "hex-case", "Its percent-encoding is written in another case."
	case unescape(a) == s && a != s:
		return "encoded-again", "It was percent-encoded once more."
	case unescape(unescape(s)) == unescape(unescape(a)) && strings.Count(a, "%") < strings.Count(s, "%"), unescape(s) == a:
		return "decoded", "Its percent-encoding was undone."
	case normal == a || normal == normalPath(a) && len(a) < len(s):
		return "normalised", "Slashes or dots in it were removed: " + safePath(s) + " became " + safePath(a) + "."
	case strings.TrimRight(s, "/") == strings.TrimRight(a, "/"):
		return "trailing-slash", "The slash at its end differs."
	case strings.HasSuffix(s, a) && strings.HasPrefix(a, "/"):
		return "prefix-removed", "Its beginning " + safePath(strings.TrimSuffix(s, a)) + " was removed."
	case a == "/" && s != "/":
		return "prefix-removed", "All of it was removed: " + safePath(s) + "."
	case strings.HasSuffix(a, s):
		return "prefix-added", safePath(strings.TrimSuffix(a, s)) + " was put in front of it."
	case unescape(s) == unescape(a):
		return "encoded-again", "Other characters of it are percent-encoded."
	}
	return "other", ""
}

func queryDifference(signed, arrived string) difference {
	d := difference{cause: "changed-query", place: "query", signed: signed, arrived: arrived}
	d.detail, d.note = queryDetail(queryPairs(signed), queryPairs(arrived), signed, arrived)
	return d
}

// queryDetail says what happened to the parameters of a query.
func queryDetail(s, a []signing.Parameter, signed, arrived string) (detail, note string) {
	removed, added := missingFrom(s, a), missingFrom(a, s)
	names := func(list []signing.Parameter) string {
		var out []string
		for _, p := range list {
			out = append(out, safeID(p.Name))
		}
		return strings.Join(out, ", ")
	}
	switch {
	case len(removed) == 0 && len(added) == 0:
		return "other", "The same parameters are written in another way."
	case len(removed) == 0:
		return "added", "Added: " + names(added) + "."
	case len(added) == 0:
		return "removed", "Removed: " + names(removed) + "."
	case unescape(arrived) == signed || samePairs(queryPairs(unescapeEach(arrived)), s):
		return "encoded-again", "It was percent-encoded once more."
	}
	if len(removed) == len(added) {
		return pairedDetail(removed, added, names(removed))
	}
	if len(added) > len(removed) {
		return "added", "Added or changed: " + names(added) + "."
	}
	return "removed", "Removed or changed: " + names(removed) + "."
}

// pairedDetail: as many parameters are missing as are new.
func pairedDetail(removed, added []signing.Parameter, names string) (detail, note string) {
	plus, again, sameNames := true, true, true
	space := func(s string) string { return strings.ReplaceAll(s, "+", " ") }
	for i := range removed {
		r, n := removed[i], added[i]
		sameNames = sameNames && r.Name == n.Name
		plus = plus && space(r.Name) == space(n.Name) && space(r.Value) == space(n.Value)
		again = again && unescape(n.Name) == r.Name && unescape(n.Value) == r.Value
	}
	switch {
	case plus:
		if strings.Contains(removed[0].Name+removed[0].Value, "+") {
			return "plus", "The plus sign in " + names + " arrived as a space: it was sent as + instead of %2B."
		}
		return "plus", "The space in " + names + " arrived as a plus sign: it was not sent as %20."
	case again:
		return "encoded-again", "The value of " + names + " was percent-encoded once more."
	case sameNames:
		return "value", "The value of " + names + " changed."
	}
	return "other", "Other parameters arrived in place of " + names + "."
}

// unescapeEach undoes one level of encoding of each parameter.
func unescapeEach(query string) string {
	pieces := strings.Split(query, "&")
	for i, p := range pieces {
		pieces[i] = unescape(p)
	}
	return strings.Join(pieces, "&")
}

// missingFrom returns the parameters of one list that the other lacks.
func missingFrom(from, in []signing.Parameter) []signing.Parameter {
	left := slices.Clone(in)
	var out []signing.Parameter
	for _, p := range from {
		if i := slices.Index(left, p); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			out = append(out, p)
		}
	}
	return out
}

func samePairs(a, b []signing.Parameter) bool {
	return len(missingFrom(a, b)) == 0 && len(missingFrom(b, a)) == 0
}

func headerDifferences(signed, arrived *canonical) []difference {
	var list []difference
	seen := map[string]bool{}
	if n := len(arrived.headers); !arrived.whole && n > 0 { // the text was cut, perhaps within the last line
		seen[arrived.headers[n-1].Name] = true
	}
	for _, h := range signed.headers {
		was, _ := signed.value(h.Name)
		value, there := arrived.value(h.Name)
		if seen[h.Name] || value == was && there || !there && !arrived.whole {
			continue
		}
		seen[h.Name] = true
		list = append(list, headerDifference(h.Name, was, value))
	}
	for _, h := range arrived.headers {
		if _, there := signed.value(h.Name); !there && h.Value != "" && !seen[h.Name] {
			seen[h.Name] = true
			list = append(list, headerDifference(h.Name, "", h.Value))
		}
	}
	return list
}

func headerDifference(name, signed, arrived string) difference {
	shown := safeID(name)
	d := difference{cause: "changed-header", detail: "value", place: "header:" + shown, signed: signed, arrived: arrived}
	lower := strings.ToLower(arrived)
	switch {
	case name == "host" || name == ":authority":
		d.cause, d.detail = "changed-host", "name"
		sName, sPort, _ := strings.Cut(signed, ":")
		aName, aPort, _ := strings.Cut(arrived, ":")
		if strings.EqualFold(sName, aName) && sPort != aPort {
			d.detail = "port"
		} else {
			d.side = SideProxy
		}
		d.note = "Host " + safeID(signed) + " was signed, and " + safeID(arrived) + " arrived."
	case arrived == "" && signed != "":
		d.cause, d.detail, d.note = "dropped-header", "", "The signed header "+shown+" arrived empty or not at all."
	case strings.HasPrefix(lower, strings.ToLower(signed)) && strings.Contains(lower[len(signed):], "charset") && signed != "":
		d.detail, d.note = "charset-appended", "A charset was appended to "+shown+"."
	case signed != "" && sentTwice(signed, arrived):
		d.detail, d.note = "repeated", shown+" was sent twice."
	case name == "x-amz-security-token":
		d.note = "The session token that arrived is not the one that was signed."
	default:
		d.note = shown + " arrived with another value."
	}
	return d
}

// sentTwice reports whether the value that arrived comes from two headers, which a service joins with a bare comma.
// If a blank follows, the comma usually belongs to the value.
func sentTwice(signed, arrived string) bool {
	rest, more := strings.CutPrefix(arrived, signed+",")
	return more && (!strings.HasPrefix(rest, " ") || rest == " "+signed)
}
