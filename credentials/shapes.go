package credentials

import "strings"

// The formats of AWS's names, checked by hand: compiling regular expressions would cost milliseconds at every start.

// allBytes reports whether s is not empty and is holds for all its bytes.
func allBytes(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isWord reports whether c is in \w as the API reference uses it.
func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isVisible(c byte) bool { return '!' <= c && c <= '~' }

// isNameByte reports whether c may occur in the name of a session or a role, or in a source identity.
func isNameByte(c byte) bool { return isWord(c) || strings.IndexByte("+=,.@-", c) >= 0 }

func isExternalIDByte(c byte) bool { return isNameByte(c) || c == ':' || c == '/' }

// ValidAccount reports whether s is an AWS account id: 12 digits.
func ValidAccount(s string) bool { return len(s) == 12 && allBytes(s, isDigit) }

func validRoleName(s string) bool { return len(s) <= 64 && allBytes(s, isNameByte) }

// validPath reports whether s is / or /…/, up to 512 characters.
func validPath(s string) bool {
	return len(s) <= 512 && allBytes(s, isVisible) && s[0] == '/' && s[len(s)-1] == '/'
}

func validExternalID(s string) bool {
	return len(s) >= 2 && len(s) <= 1224 && allBytes(s, isExternalIDByte)
}

// splitARN returns the partition and the account of an IAM ARN, and what follows them.
func splitARN(arn string) (partition, account, rest string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" || len(arn) < 20 || len(arn) > 2048 {
		return "", "", "", false
	}
	if partition = parts[1]; !strings.HasPrefix(partition, "aws") {
		return "", "", "", false
	}
	return partition, parts[4], parts[5], allBytes(partition, func(c byte) bool { return c == '-' || 'a' <= c && c <= 'z' })
}

// parseRoleARN returns the partition and the account of a role ARN.
func parseRoleARN(arn string) (partition, account string, ok bool) {
	partition, account, rest, ok := splitARN(arn)
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	path, isRole := strings.CutPrefix(strings.TrimSuffix(rest, name), "role")
	return partition, account, ok && isRole && ValidAccount(account) && validPath(path) && validRoleName(name)
}

// parsePolicyARN returns the account in the ARN of a managed policy, "aws" for AWS's own.
func parsePolicyARN(arn string) (account string, ok bool) {
	_, account, rest, ok := splitARN(arn)
	name, isPolicy := strings.CutPrefix(rest, "policy/")
	return account, ok && isPolicy && (account == "aws" || ValidAccount(account)) && allBytes(name, isVisible)
}

// parseAnchorARN splits the ARN of an IAM Roles Anywhere trust anchor or profile.
func parseAnchorARN(arn, kind string) (region, account, partition string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "rolesanywhere" || len(arn) > 1011 {
		return "", "", "", false
	}
	id, isKind := strings.CutPrefix(parts[5], kind+"/")
	return parts[3], parts[4], parts[1], isKind && allBytes(id, isHexOrDash) && ValidAccount(parts[4])
}

// splitIdentity returns the region in the id of a Cognito pool or identity, region:uuid.
func splitIdentity(id string) (region string, ok bool) {
	region, uuid, _ := strings.Cut(id, ":")
	return region, len(id) <= 55 && allBytes(region, func(c byte) bool { return isWord(c) || c == '-' }) && allBytes(uuid, isHexOrDash)
}

func isIdentity(id string) bool { _, ok := splitIdentity(id); return ok }

func isHexOrDash(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || c == '-'
}

// validRequestID accepts what request ids of STS and its imitations look like, and no free text: a secret would not
// pass.
func validRequestID(s string) bool { return len(s) >= 8 && len(s) <= 64 && allBytes(s, isHexOrDash) }

// validKeyID reports whether s is an access key id as the API reference defines it: 16…128 of \w.
func validKeyID(s string) bool { return len(s) >= 16 && len(s) <= 128 && allBytes(s, isWord) }

// plain reports whether s is not empty and can be the value of a header.
func plain(s string) bool { return len(s) <= 64<<10 && allBytes(s, isVisible) }
