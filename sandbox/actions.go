package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// chainingLimit is the longest session of a role that is assumed from another role's session ("Role chaining", IAM
// User Guide). AWS refuses longer ones; it does not shorten them.
const chainingLimit = time.Hour

func (s *Sandbox) getCallerIdentity(p principal, _ url.Values, requestID string) (any, *refusal) {
	return xmlCallerIdentity{
		Namespace: stsNamespace, ARN: p.arn, UserID: p.userID, Account: p.account(), RequestID: requestID,
	}, nil
}

func (s *Sandbox) getSessionToken(p principal, form url.Values, requestID string) (any, *refusal) {
	var v validation
	d := v.duration(form, 900, 129600, 43200)
	if no := v.refusal(); no != nil {
		return nil, no
	}
	if p.session() {
		return nil, &refusal{kind: forbidden, message: "Cannot call GetSessionToken with session credentials"}
	}
	return xmlSessionToken{
		Namespace: stsNamespace, Credentials: credentialsOf(s.issue(p, d)), RequestID: requestID,
	}, nil
}

func (s *Sandbox) assumeRole(p principal, form url.Values, requestID string) (any, *refusal) {
	var v validation
	roleARN := v.text(form, "RoleArn", roleARNLimits)
	name := v.text(form, "RoleSessionName", sessionNameLimits)
	externalID := v.text(form, "ExternalId", limits{min: 2, max: 1224, extra: "+" + word + ":/", pattern: `[\w+=,.@:\/-]*`})
	source := v.text(form, "SourceIdentity", limits{min: 2, max: 64, extra: "+" + word, pattern: `[\w+=,.@-]*`})
	policy := v.text(form, "Policy", limits{min: 1, max: 2048})
	v.list(form, "Tags", 50)
	v.list(form, "PolicyArns", 10)
	d := v.duration(form, 900, 43200, 3600)
	if no := v.refusal(); no != nil {
		return nil, no
	}
	if policy != "" && !json.Valid([]byte(policy)) {
		return nil, &refusal{kind: badPolicy, message: "Syntax errors in policy."}
	}
	if !strings.HasPrefix(roleARN, "arn:") {
		return nil, &refusal{kind: invalid, message: roleARN + " is invalid"}
	}
	if _, ok := parseARN(roleARN, "role/"); !ok {
		return nil, &refusal{kind: invalid, message: "Request ARN is invalid"}
	}
	role, ok := s.roles[roleARN]
	if !ok || role.WebIdentity || role.ExternalID != "" && role.ExternalID != externalID {
		return nil, &refusal{kind: forbidden, message: fmt.Sprintf(
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", p.arn, roleARN)}
	}
	if p.role && d > chainingLimit {
		return nil, &refusal{
			kind:    invalid,
			message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
		}
	}
	if d > role.MaxSession {
		return nil, &refusal{kind: invalid, message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	assumed := role.assumed(name)
	return xmlAssumeRole{
		Namespace: stsNamespace, SourceIdentity: source, ARN: assumed.arn, AssumedRoleID: assumed.userID,
		Credentials: credentialsOf(s.issue(assumed, d)), RequestID: requestID,
	}, nil
}

// assumed returns the principal of a session of the role.
func (r Role) assumed(name string) principal {
	parsed, _ := parseARN(r.ARN, "role/")
	return principal{
		arn:    fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", parsed.partition, parsed.account, parsed.name, name),
		userID: uniqueID("AROA", r.ARN) + ":" + name,
		role:   true,
	}
}

// validation gathers the constraints that a call breaks: STS reports them all in one message.
type validation struct{ faults []string }

// limits are what the API Reference says about a parameter.
type limits struct {
	min, max int
	extra    string // allowed characters besides letters, digits and the underscore
	pattern  string // the same, as STS prints it; empty: anything
	required bool
	secret   bool // messages must not repeat it
}

const word = "=,.@-" // besides letters, digits and the underscore, which \w matches

// Limits of the parameters that all AssumeRole calls share.
var (
	roleARNLimits     = limits{min: 20, max: 2048, required: true}
	sessionNameLimits = limits{min: 2, max: 64, extra: "+" + word, pattern: `[\w+=,.@-]*`, required: true}
)

// add notes a broken constraint; value is empty if messages must not repeat it.
func (v *validation) add(value, member, constraint string) {
	if value != "" {
		value += " "
	}
	v.faults = append(v.faults, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: %s", value, member, constraint))
}

func (v *validation) text(form url.Values, name string, l limits) string {
	member := strings.ToLower(name[:1]) + name[1:]
	if !form.Has(name) {
		if l.required {
			v.add("null", member, "Member must not be null")
		}
		return ""
	}
	value := form.Get(name)
	quoted := "'" + value + "'"
	if l.secret {
		quoted = ""
	}
	if l.pattern != "" && strings.ContainsFunc(value, func(c rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"+l.extra, c)
	}) {
		v.add(quoted, member, "Member must satisfy regular expression pattern: "+l.pattern)
	}
	if n := utf8.RuneCountInString(value); n < l.min {
		v.add(quoted, member, fmt.Sprintf("Member must have length greater than or equal to %d", l.min))
	} else if n > l.max {
		v.add(quoted, member, fmt.Sprintf("Member must have length less than or equal to %d", l.max))
	}
	return value
}

// list counts the members of a list: Tags.member.1.Key, Tags.member.2.Key…
func (v *validation) list(form url.Values, name string, limit int) {
	numbers := map[string]bool{}
	for parameter := range form {
		if rest, ok := strings.CutPrefix(parameter, name+".member."); ok {
			number, _, _ := strings.Cut(rest, ".")
			numbers[number] = true
		}
	}
	if len(numbers) > limit {
		member := strings.ToLower(name[:1]) + name[1:]
		v.add("", member, fmt.Sprintf("Member must have length less than or equal to %d", limit))
	}
}

// duration reads DurationSeconds; its bounds and default are in seconds.
func (v *validation) duration(form url.Values, least, most, absent int) time.Duration {
	const name, member = "DurationSeconds", "durationSeconds"
	if !form.Has(name) {
		return time.Duration(absent) * time.Second
	}
	n, err := strconv.Atoi(form.Get(name))
	switch {
	case err != nil:
		v.add("'"+form.Get(name)+"'", member, "Member must be an integer")
	case n < least:
		v.add(fmt.Sprintf("'%d'", n), member, fmt.Sprintf("Member must have value greater than or equal to %d", least))
	case n > most:
		v.add(fmt.Sprintf("'%d'", n), member, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
	return time.Duration(n) * time.Second
}

func (v *validation) refusal() *refusal {
	if len(v.faults) == 0 {
		return nil
	}
	noun := "errors"
	if len(v.faults) == 1 {
		noun = "error"
	}
	return &refusal{kind: invalid, message: fmt.Sprintf("%d validation %s detected: %s",
		len(v.faults), noun, strings.Join(v.faults, "; "))}
}
