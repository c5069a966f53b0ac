package credentials

import (
	"slices"
	"strings"
)

// placeholders are what samples contain in place of a value, in lower case.
var placeholders = map[string]bool{
	"...": true, "…": true, "todo": true, "tbd": true, "fixme": true, "placeholder": true, "undefined": true, "null": true, "nil": true,
	"changeme": true, "change-me": true, "change_me": true, "replaceme": true, "replace-me": true, "replace_me": true,
}

// yours are the endings of placeholders such as your-secret-key.
var yours = []string{"key", "secret", "token", "id", "arn", "role", "account", "region", "here"}

// Unusable returns why a text cannot be meant as the value of a setting or as a key, or "" if it can: it has quotes
// around it, or it is a reference that the platform should have replaced, or a placeholder.
func Unusable(text string) string {
	text = strings.TrimSpace(text)
	bare := strings.Trim(text, "\"'`")
	low := strings.ToLower(bare)
	switch {
	case strings.HasPrefix(low, "@microsoft.keyvault("):
		return "is a Key Vault reference that was not resolved: the app's identity needs the role Key Vault Secrets User, " +
			"and the reference must name the right secret"
	case strings.HasPrefix(low, "@microsoft."):
		return "is an App Configuration reference that was not resolved: the app's identity needs the role " +
			"App Configuration Data Reader, and the reference must name the right key"
	case isReference(bare):
		return "is a reference or a placeholder that was not replaced; check what sets it"
	case text != bare:
		return "has quotes around it that are part of the value; remove them"
	case isPlaceholder(low):
		return "is a placeholder; give it a value"
	}
	return ""
}

// isPlaceholder reports whether low is something like changeme, your-secret-key or xxxx.
func isPlaceholder(low string) bool {
	if placeholders[low] || len(low) > 1 && strings.Trim(low, "x*.…?-_") == "" {
		return true
	}
	name, isYours := strings.CutPrefix(low, "your")
	return isYours && name != "" && (name[0] == '-' || name[0] == '_') &&
		slices.ContainsFunc(yours, func(end string) bool { return strings.HasSuffix(name, end) })
}

// isReference reports whether text is something that a shell, template, pipeline or secret store should have replaced.
func isReference(text string) bool {
	for _, opening := range []string{"${", "$(", "{{", "#{", "<%"} {
		if strings.Contains(text, opening) {
			return true
		}
	}
	for _, start := range []string{"secretref:", "op://", "ref+", "vault:", "ENC[", "{{", "arn:aws:secretsmanager:", "arn:aws:ssm:"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	around := func(first, last string) bool {
		return len(text) > len(first)+len(last) && strings.HasPrefix(text, first) && strings.HasSuffix(text, last)
	}
	if _, rest, found := strings.Cut(text, "<"); found { // api://<app-id>
		name, _, closed := strings.Cut(rest, ">")
		if closed && allBytes(strings.ReplaceAll(name, "-", "_"), isWord) && !strings.ContainsAny(text, " \t\n") {
			return true
		}
	}
	name := strings.TrimPrefix(text, "$")
	return around("<", ">") || around("%", "%") || around("__", "__") ||
		name != text && name != "" && allBytes(name, isWord) // $KEY
}
