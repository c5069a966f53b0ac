package main

import (
	"fmt"
	"regexp"
	"strings"
)

// addName adds a row of a names file.
func (t table) addName(row []string) error {
	fact, key, value, extra := row[0], row[1], row[2], row[3]
	switch fact {
	case "label-exception", "label":
		return t.put("label", key, value)
	case "endpoint-prefix":
		if extra == "last-label-ok" {
			return nil // the rule of the last label says the same
		}
		return t.put("prefix", key, value)
	case "bare", "any-region", "bearer", "service", "no-sigv4", "no-sigv4-suffix":
		return t.put(fact, key, value)
	case "service-suffix", "host", "fixed-suffix":
		return t.put(fact, key, value, extra)
	case "region":
		return t.put(fact, key, value, extra)
	case "global-host":
		partition, region, ok := strings.Cut(extra, " -> ")
		if !ok {
			return fmt.Errorf("%q is not of the form partition -> region", extra)
		}
		return t.extend("global", key, partition+"="+region, value)
	case "cross-region":
		key, ok := strings.CutSuffix(key, ".{any region}")
		region, partition, ok2 := strings.Cut(strings.TrimSuffix(extra, ")"), " (")
		if !ok || !ok2 {
			return fmt.Errorf("%q, %q: not a cross-region fact", key, extra)
		}
		return t.put("cross", key, value, partition, region)
	case "partition":
		return t.addPartition(key, value, extra)
	case "suffix":
		return t.extend("suffix", key, value)
	case "resource-suffix":
		return t.extend("known-suffix", value, key)
	}
	if strings.HasPrefix(fact, "pattern:") || fact == "vpce-suffix" || fact == "other-suffix" || fact == "partition-extra" {
		return nil // prose: its substance stands in rules.tsv or in the rules of the package
	}
	return fmt.Errorf("unknown fact %q", fact)
}

// addPartition adds a partition, with the beginnings that its regions' names
// may have, and its two suffixes. The expressions that AWS publishes are of one
// shape, ^beginning\-\w+\-\d+$, so the beginning says it all.
func (t table) addPartition(key, suffix, extra string) error {
	m := regexp.MustCompile(`^dualstack (\S+); implicit global region (\S+); regionRegex \^(\S+)\\-\\w\+\\-\\d\+\$;`).FindStringSubmatch(extra)
	if m == nil {
		return fmt.Errorf("%q does not describe a partition", extra)
	}
	begin := strings.ReplaceAll(m[3], `\-`, "-")
	stem, group, ok := strings.Cut(strings.TrimSuffix(begin, ")"), "(")
	begins := begin
	if ok {
		begins = stem + strings.ReplaceAll(group, "|", " "+stem)
	}
	if strings.ContainsAny(begins, `()\|`) {
		return fmt.Errorf("cannot read the region expression %q", m[3])
	}
	if err := t.put("partition", key, m[2], begins); err != nil {
		return err
	}
	if err := t.extend("suffix", suffix, key); err != nil {
		return err
	}
	return t.extend("suffix", m[1], key)
}

// addQuirk adds a row of the quirks file.
func (t table) addQuirk(row []string) error {
	quirk, service, scope, detail := row[0], row[1], row[2], row[3]
	switch quirk {
	case "no-double-encode", "no-path-normalise":
		return t.extend("quirk", service, "s3-style")
	case "x-amz-content-sha256-required":
		if err := t.extend("quirk", service, "content-sha256"); err != nil {
			return err
		}
		switch {
		case strings.Contains(detail, "MUST be UNSIGNED-PAYLOAD"):
			if err := t.extend("quirk", service, "unsigned-payload-only"); err != nil {
				return err
			}
		case strings.Contains(detail, "or UNSIGNED-PAYLOAD"):
			if err := t.extend("quirk", service, "unsigned-payload"); err != nil {
				return err
			}
		}
		if strings.Contains(detail, "sigv4 or sigv4a") {
			return t.extend("quirk", service, "sigv4a-optional")
		}
		return nil
	case "sigv4a-preferred", "sigv4a-optional":
		return t.extend("quirk", service, quirk)
	case "sigv4a-only":
		if !strings.HasPrefix(scope, service+" ({acct}") {
			return nil // some hosts of the service only: a rule of the package
		}
		return t.extend("quirk", service, quirk)
	case "session-token-after-signing":
		return t.extend("quirk", service, "token-appended")
	case "unsigned-op", "unsigned-payload-op":
		return t.addOperation(quirk, service, scope, detail)
	case "bearer-only", "auth-list", "sigv2", "trap:looks-like-s3", "session-token-header", "bearer-optional",
		"endpoint-discovery-required", "host-prefix", "eventstream-input", "special-signature", "token-only",
		"port-in-host", "query-ignored", "double-encoded-path", "case-sensitive-name", "region-unknown", "region-nominal":
		return nil // for people, or a rule of the package
	}
	return fmt.Errorf("unknown quirk %q", quirk)
}

// addOperation adds an operation that is sent unsigned or whose payload may be.
func (t table) addOperation(quirk, service, scope, detail string) error {
	parts := strings.Split(detail, " ; ")
	method, path, ok := strings.Cut(parts[0], " ")
	_, name, ok2 := strings.Cut(scope, ".")
	if !ok || !ok2 {
		return fmt.Errorf("%q, %q: not an operation", scope, detail)
	}
	for _, part := range parts[1:] {
		if target, ok := strings.CutPrefix(part, "X-Amz-Target "); ok {
			path = "target=" + target
		} else if action, ok := strings.CutPrefix(part, "Action="); ok {
			path = "action=" + action
		}
	}
	return t.put("operation", service+" "+name, strings.TrimSuffix(quirk, "-op"), method, path)
}

// settle folds the endpoint prefixes into the labels, dropping what a label
// fact says already, and drops a label fact that a cross-region fact narrows
// to one partition.
func (t table) settle() error {
	for k, v := range t {
		label := [2]string{"label", k[1]}
		if old, ok := t[label]; ok && k[0] == "cross" && old[0] == v[0] {
			delete(t, label)
		}
		if k[0] != "prefix" {
			continue
		}
		delete(t, k)
		prefix := k[1]
		if _, ok := t[[2]string{"label", "=" + prefix}]; ok {
			continue
		}
		last := prefix[strings.LastIndexByte(prefix, '.')+1:]
		if old, ok := t[[2]string{"label", last}]; ok && old[0] == v[0] {
			continue
		}
		if err := t.put("label", prefix, v...); err != nil {
			return err
		}
	}
	return nil
}
