package diagnosis

import (
	"encoding/base64"
	"strings"
)

// secretNames are the names under which the secret appears in the places it is copied from.
var secretNames = []string{
	"aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "SecretAccessKey", "secretAccessKey", "secret", "AWSSecretKey",
}

// secretMistakes are mistakes made when copying a secret.
func (m *mismatch) secretMistakes() []mistake {
	s := m.prover.secret
	var list []mistake
	add := func(detail string, secrets ...string) {
		for _, other := range secrets {
			if other != s {
				list = append(list, mistake{
					dimension: inKey, cause: "wrong-secret", detail: detail, place: "secret",
					note: "It was signed with the profile's secret after a copying mistake: " + infoOf("wrong-secret").detailTitle(detail) + ".",
					key:  deriveChain([]byte("AWS4"+other), m.prover.scope...),
					rare: detail == "other" || len(list) > 28,
				})
			}
		}
	}
	add("white-space", s+"\n", s+" ", s+"\r\n", s+"\r", s+"\t", " "+s, "\t"+s, "\n"+s, strings.TrimSpace(s))
	add("quoted", `"`+s+`"`, "'"+s+"'", `"`+s, s+`"`, strings.Trim(s, `"'`))
	encoded := strings.NewReplacer("/", "%2F", "+", "%2B", "=", "%3D").Replace(s)
	add("url-encoded", encoded, strings.NewReplacer("/", "%2f", "+", "%2b", "=", "%3d").Replace(s), strings.ReplaceAll(s, "/", "%2F"),
		strings.ReplaceAll(s, "+", "%2B"), strings.ReplaceAll(s, "+", " "), strings.ReplaceAll(s, "/", `\/`), unescape(s))
	if len(s) > 2 {
		add("truncated", s[1:], s[:len(s)-1], s[:len(s)-2], s[2:])
		for i := 1; i < min(len(s)-1, 64); i++ {
			add("truncated", s[:i]+s[i+1:])
		}
		for i := 3; i < min(len(s)-1, 64); i++ { // cut at a character that some program took for the end
			add("truncated", s[:i], s[i:])
		}
	}
	for _, unseen := range []string{"\u00a0", "\u200b", "\ufeff", "\u2028", "\v", "\x00", "  ", "\n\n"} {
		add("white-space", s+unseen, unseen+s)
	}
	for _, mark := range []string{"''", "``", "“”", "‘’", "<>", "()", "[]", "{}", "„“", "«»"} {
		pair := []rune(mark)
		add("quoted", string(pair[0])+s+string(pair[1]), string(pair[0])+s, s+string(pair[1]))
	}
	for _, more := range []string{",", ";", ".", "=", `\`, `\n`, "%", "$", "*"} { // from a list, a sentence or a prompt
		add("other", s+more, more+s)
	}
	for _, name := range secretNames {
		add("other", name+"="+s, name+" = "+s, name+": "+s, name+":"+s, name)
	}
	add("other", strings.ToLower(s), strings.ToUpper(s), "", m.claim.keyID, m.claim.keyID+":"+s, m.claim.keyID+","+s, s+s)
	if token := m.claim.token; token != "" {
		add("other", token)
	}
	if token := m.in.Credentials.SessionToken(); token != "" {
		add("other", token)
	}
	for _, plain := range []string{s, s + "\n", m.claim.keyID + ":" + s} {
		add("other", base64.StdEncoding.EncodeToString([]byte(plain)))
	}
	if raw, err := base64.StdEncoding.DecodeString(s); err == nil { // 40 characters of this alphabet look like base64
		add("other", string(raw))
	}
	return list
}
