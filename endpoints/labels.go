package endpoints

import "strings"

// reading is the meaning of the labels that name a service, read from the right.
type reading struct {
	verdict
	label   string // the label or labels that decided
	listed  bool   // the label is in the table
	guessed bool   // neither the label nor a service of that name is in the table
	signsIn fixedPartition
}

// read returns the meaning of the labels at the right end of a host.
func (p *parsedHost) read(name string) reading {
	left, label := cutLast(name)
	if label == "dualstack" && left != "" {
		name = left
		left, label = cutLast(left)
	}
	label = trimFIPS(label)
	if left == "fips" {
		left = ""
	}
	if strings.HasPrefix(label, "s3express-") { // a zone follows
		return reading{verdict: verdict{service: "s3express"}, label: label, listed: true}
	}
	got := reading{verdict: verdict{service: label}, label: label}
	if left != "" {
		two, next := p.lastTwo(name, left, label)
		if geo := p.geo(left, next, label); geo != "" {
			return reading{verdict: verdict{service: geo}, label: two, listed: true}
		}
		if f, ok := p.labels[two]; ok {
			got.signsIn = f.signsIn
			if f.any.known() {
				return reading{verdict: f.any, label: two, listed: true, signsIn: f.signsIn}
			}
		}
	}
	f, ok := p.labels[label]
	if !ok {
		if got.guessed = !p.names[label]; got.guessed {
			got.verdict = p.guess(label)
		}
		return got
	}
	if f.signsIn.region != "" {
		got.signsIn = f.signsIn
	}
	switch {
	case left != "" && f.left.known():
		got.verdict, got.listed = f.left, true
	case left == "" && f.alone.known():
		got.verdict, got.listed = f.alone, true
	case f.any.known():
		got.verdict, got.listed = f.any, true
	default:
		got.guessed = !p.names[label] && f.signsIn.region == ""
	}
	if got.service == "iotdata" && strings.HasPrefix(p.path, "/mqtt") {
		got.service = "iotdevicegateway"
	}
	return got
}

// lastTwo returns the last two labels of a name, each without -fips, and the first of the two.
func (p *parsedHost) lastTwo(name, left, label string) (two, next string) {
	_, next = cutLast(left)
	if cut := trimFIPS(next); cut != next {
		return cut + "." + label, cut
	}
	return name[len(left)-len(next) : len(left)+1+len(label)], next
}

// geo returns the generation of Amazon Location that a host and path belong to, or "". The hosts of
// maps, places and routes are shared; their control planes (cp.maps) belong to the first generation
// only.
func (p *parsedHost) geo(left, next, label string) string {
	if label != "geo" {
		return ""
	}
	switch next {
	case "maps", "places", "routes":
		rest, ok := strings.CutPrefix(p.path, "/"+next)
		if ok && strings.HasPrefix(rest, "/v0/") || strings.HasPrefix(left, "cp.") {
			return "geo"
		}
		return "geo-" + next
	}
	return ""
}

// guess interprets a label that is not in the table. Usually it is the signing name. But SDKs
// prefix the name of a service with a word for an operation or a dual-stack host (sync-states,
// streams-dynamodb), and some services have a second host for part of their API (bedrock-runtime)
// or for a cell (kinesis-pod1); in these forms it is the known service.
func (p *parsedHost) guess(label string) verdict {
	name := trimCell(label)
	if v := p.named(name); name != label && v.known() {
		return v
	}
	for i := range len(name) {
		if name[i] != '-' {
			continue
		}
		first, last := name[:i], name[i+1:]
		if p.fronts[first] && p.named(last).known() {
			return p.read(first + "." + last).verdict
		}
		if p.backs[last] && p.named(first).known() {
			return p.named(first)
		}
	}
	return verdict{service: label}
}

// named returns what the table says about a label, as a label or as a signing name.
func (p *parsedHost) named(label string) verdict {
	if v := p.labels[label].any; v.known() || !p.names[label] {
		return v
	}
	return verdict{service: label}
}

// trimCell removes the suffix of a cell, -pod and a number, from a label.
func trimCell(label string) string {
	if i := strings.LastIndex(label, "-pod"); i > 0 && allBytes(label[i+len("-pod"):], isDigit) {
		return label[:i]
	}
	return label
}

// trimFIPS removes the suffix of a FIPS endpoint from a label.
func trimFIPS(label string) string {
	if cut, ok := strings.CutSuffix(label, "-fips"); ok && cut != "" {
		return cut
	}
	return label
}
