package credentials

import "strings"

// The shapes of AWS's names, read by hand: compiling them as patterns costs
// every start milliseconds.

// allBytes reports whether s is not empty and all its bytes are of a class.
func allBytes(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isWord is \w of the API reference.
func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isVisible(c byte) bool { return '!' <= c && c <= '~' }

// isNameByte is the class of session, role and source identity names.
func isNameByte(c byte) bool { return isWord(c) || strings.IndexByte("+=,.@-", c) >= 0 }

func isExternalIDByte(c byte) bool { return isNameByte(c) || c == ':' || c == '/' }

// ValidAccount holds for the id of an AWS account: 12 digits.
func ValidAccount(s string) bool { return len(s) == 12 && allBytes(s, isDigit) }

func validRoleName(s string) bool { return len(s) <= 64 && allBytes(s, isNameByte) }

// validPath: / or /…/, up to 512 characters.
func validPath(s string) bool {
	return len(s) <= 512 && allBytes(s, isVisible) && s[0] == '/' && s[len(s)-1] == '/'
}

func validExternalID(s string) bool {
	return len(s) >= 2 && len(s) <= 1224 && allBytes(s, isExternalIDByte)
}

// splitARN returns the partition, the account and what follows it of an IAM ARN.
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

// parseRoleARN returns the partition and the account of a role.
func parseRoleARN(arn string) (partition, account string, ok bool) {
	partition, account, rest, ok := splitARN(arn)
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	path, isRole := strings.CutPrefix(strings.TrimSuffix(rest, name), "role")
	return partition, account, ok && isRole && ValidAccount(account) && validPath(path) && validRoleName(name)
}

// parsePolicyARN returns the account of a managed policy, "aws" for AWS's own.
func parsePolicyARN(arn string) (account string, ok bool) {
	_, account, rest, ok := splitARN(arn)
	name, isPolicy := strings.CutPrefix(rest, "policy/")
	return account, ok && isPolicy && (account == "aws" || ValidAccount(account)) && allBytes(name, isVisible)
}

// parseAnchorARN returns the parts of the ARN of a trust anchor or a profile of IAM Roles Anywhere.
func parseAnchorARN(arn, kind string) (region, account, partition string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "rolesanywhere" || len(arn) > 1011 {
		return "", "", "", false
	}
	id, isKind := strings.CutPrefix(parts[5], kind+"/")
	return parts[3], parts[4], parts[1], isKind && allBytes(id, isHexOrDash) && ValidAccount(parts[4])
}

// splitIdentity returns the region of a Cognito pool's or identity's id, region:uuid.
func splitIdentity(id string) (region string, ok bool) {
	region, uuid, _ := strings.Cut(id, ":")
	return region, len(id) <= 55 && allBytes(region, func(c byte) bool { return isWord(c) || c == '-' }) && allBytes(uuid, isHexOrDash)
}

func isIdentity(id string) bool { _, ok := splitIdentity(id); return ok }

func isHexOrDash(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || c == '-'
}

// validRequestID lets through what STS's and its likenesses' ids look like, and
// no free text: a secret would not pass.
func validRequestID(s string) bool { return len(s) >= 8 && len(s) <= 64 && allBytes(s, isHexOrDash) }

// validKeyID is the API reference's: 16…128 of \w.
func validKeyID(s string) bool { return len(s) >= 16 && len(s) <= 128 && allBytes(s, isWord) }

// plain: not empty, and fit for a header.
func plain(s string) bool { return len(s) <= 64<<10 && allBytes(s, isVisible) }
