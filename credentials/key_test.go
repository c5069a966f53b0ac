package credentials_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

var keyPairs = flag.Int("pairs", 100_000, "pairs that TestKeys compares")

// Two requests share a session if, and only if, everything that determines it is equal: with a wrong key a caller would
// get another's permissions.
func TestKeys(t *testing.T) {
	profile := func(name, source, session, identity string) credentials.Profile {
		p := orders()
		p.Name, p.Source = name, source
		if source != credentials.SourceStatic {
			p.Keys = signing.Credentials{}
		}
		p.AssumeRole.SessionName, p.AssumeRole.SourceIdentity = session, identity
		return p
	}
	// The parts of a request that determine the session of each profile.
	shapes := map[string]struct{ caller, host bool }{
		"all": {}, "by-caller": {caller: true}, "by-host": {host: true}, "by-both": {caller: true, host: true},
		"identity": {caller: true}, "chained": {caller: true, host: true}, "all2": {},
	}
	s := open(t, credentials.Options{Profiles: []credentials.Profile{
		profile("all", credentials.SourceStatic, "", ""), profile("all2", credentials.SourceStatic, "", ""),
		profile("by-caller", credentials.SourceStatic, "{caller}", ""), profile("by-host", credentials.SourceStatic, "x-{host}", ""),
		profile("by-both", credentials.SourceStatic, "{caller}-{host}", ""), profile("identity", credentials.SourceStatic, "fixed", "{caller}"),
		profile("chained", "by-caller", "{host}", ""),
	}})
	// Words that look alike once they are made legal, joined or cut.
	words := []string{
		"", "a", "b", "a-b", "a b", "a_b", "a-", "-b", "ab", "A", "ä", "a\x00", "\x01a", "{host}", "{caller}", "profile", "caller",
		strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 66), credentials.LegalName("a b"),
		credentials.LegalName(strings.Repeat("a", 65)),
	}
	names := []string{"all", "all2", "by-caller", "by-host", "by-both", "identity", "chained"}
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string { return words[random.IntN(len(words))] }
	ask := func() (credentials.SessionRequest, [3]string) {
		a := credentials.SessionRequest{
			Profile: names[random.IntN(len(names))], Caller: word(), Host: word(),
			MinValidity: time.Duration(random.IntN(900)) * time.Second,
		}
		tuple := [3]string{a.Profile}
		if shapes[a.Profile].caller {
			tuple[1] = a.Caller
		}
		if shapes[a.Profile].host {
			tuple[2] = a.Host
		}
		return a, tuple
	}
	given := func() (credentials.RequestCredentials, credentials.RequestCredentials) {
		small := func() string { return words[random.IntN(4)] }
		g := credentials.RequestCredentials{
			AccessKeyID: small(), SecretAccessKey: small(), SessionToken: small(), RoleARN: small(), AccountID: small(), RoleName: small(),
			ExternalID: small(), SessionName: small(), Region: small(), Caller: small(), Duration: time.Duration(random.IntN(2)) * time.Hour,
		}
		same := g
		g.MinValidity = time.Duration(random.IntN(900)) * time.Second
		return g, same
	}
	equal, mixed := 0, 0
	for range *keyPairs / 2 {
		a, one := ask()
		b, two := ask()
		if (s.Key(a) == s.Key(b)) != (one == two) {
			mixed++
			t.Errorf("asks %+v and %+v share a key: %t", a, b, s.Key(a) == s.Key(b))
		}
		if one == two {
			equal++
		}
	}
	for range *keyPairs / 2 {
		a, one := given()
		b, two := given()
		if random.IntN(4) == 0 { // they differ in one field or not at all
			b, two = a, one
			if random.IntN(2) == 0 {
				b.ExternalID += "x"
				two.ExternalID += "x"
			}
		}
		if (s.RequestKey(a) == s.RequestKey(b)) != (one == two) {
			mixed++
			t.Errorf("%+v and %+v share a key: %t", a, b, s.RequestKey(a) == s.RequestKey(b))
		}
		if one == two {
			equal++
		}
	}
	t.Logf("%d pairs, %d of them equal, %d mixed up", *keyPairs, equal, mixed)
	if equal < *keyPairs/20 {
		t.Error("too few pairs were equal to tell anything")
	}
}

func TestRequestKeysAreHashedWithASecret(t *testing.T) {
	g := credentials.RequestCredentials{AccessKeyID: exampleKey, SecretAccessKey: exampleSecret, RoleARN: roleARN}
	one, two := open(t, credentials.Options{}), open(t, credentials.Options{})
	if one.RequestKey(g) == two.RequestKey(g) {
		t.Error("two processes hash alike")
	}
	if text := fmt.Sprintf("%s", one.RequestKey(g)); contains(text, exampleSecret, exampleKey) {
		t.Error("the key contains its input")
	}
}
