package credentials_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

// follow returns the store that replaces s.
func follow(t *testing.T, s *credentials.Store, o credentials.Options) *credentials.Store {
	t.Helper()
	o.Now = time.Now
	next, err := s.Next(o)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func ask(t *testing.T, s *credentials.Store, profile string) credentials.Session {
	t.Helper()
	session, err := s.Session(t.Context(), credentials.SessionRequest{Profile: profile, Caller: "flow"})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestNext_KeepsTheSessionsOfUnchangedProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		list := func(change func(*credentials.Profile)) credentials.Options {
			p := orders()
			change(&p)
			upper := credentials.Profile{
				Name: "upper", Region: "eu-west-1", Source: "orders", AssumeRole: &credentials.AssumeRole{RoleARN: roleARN + "-upper"},
			}
			return credentials.Options{Profiles: []credentials.Profile{p, upper}, Transport: fake}
		}
		same := func(*credentials.Profile) {}
		first := open(t, list(same))
		held := ask(t, first, "upper")
		for _, test := range []struct {
			name   string
			change func(*credentials.Profile)
			calls  int // for both profiles
		}{
			{"nothing", same, 0},
			{"the description", func(p *credentials.Profile) { p.Description = "other" }, 0},
			{"the role", func(p *credentials.Profile) { p.AssumeRole.RoleARN = roleARN + "-2" }, 2},
			{"the keys", func(p *credentials.Profile) { p.Keys = signing.NewCredentials(exampleKey, "other"+exampleSecret, "") }, 2},
			{"the region", func(p *credentials.Profile) { p.Region = "eu-west-3" }, 2},
			{"the external id", func(p *credentials.Profile) { p.AssumeRole.ExternalID = "partner" }, 2},
			{"the tags", func(p *credentials.Profile) { p.AssumeRole.Tags = map[string]string{"a": "b"} }, 2},
		} {
			before := fake.count()
			next := follow(t, first, list(test.change))
			got := ask(t, next, "upper")
			if n := fake.count() - before; n != test.calls {
				t.Errorf("%s: %d calls, want %d", test.name, n, test.calls)
			}
			if (got.Credentials.AccessKeyID == held.Credentials.AccessKeyID) != (test.calls == 0) {
				t.Errorf("%s: the keys are %s, and were %s", test.name, got.Credentials.AccessKeyID, held.Credentials.AccessKeyID)
			}
			if old := ask(t, first, "upper"); old.Credentials.AccessKeyID != held.Credentials.AccessKeyID {
				t.Errorf("%s: the first store's session is another", test.name)
			}
			next.Retire()
			if all, _ := first.Entries("flow"); all != 2 {
				t.Errorf("%s: %d sessions are left", test.name, all)
			}
		}
	})
}

// A session that both stores have is renewed by the new store after the old one has ended.
func TestNext_TheNewStoreRenewsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := newFake(time.Now), newFake(time.Now)
		first := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: before})
		ask(t, first, "orders")
		next := follow(t, first, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: after})
		first.Retire()
		for range 12 {
			ask(t, next, "orders")
			time.Sleep(10 * time.Minute)
		}
		if before.count() != 1 || after.count() == 0 {
			t.Errorf("the old store's STS was called %d times, the new one's %d times", before.count(), after.count())
		}
	})
}

func TestNext_ForgetsRemovedProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		other := orders()
		other.Name = "other"
		first := open(t, credentials.Options{Profiles: []credentials.Profile{orders(), other}, Transport: fake})
		ask(t, first, "orders")
		ask(t, first, "other")
		next := follow(t, first, credentials.Options{Profiles: []credentials.Profile{other}, Transport: fake})
		if _, err := next.Session(t.Context(), credentials.SessionRequest{Profile: "orders"}); err == nil {
			t.Error("a removed profile has a session")
		}
		first.Retire()
		if all, _ := next.Entries("flow"); all != 1 {
			t.Errorf("%d sessions are held", all)
		}
		if got := next.Status().Profiles; len(got) != 1 || got[0].Name != "other" || !got[0].Usable {
			t.Errorf("%+v", got)
		}
	})
}

// That a source could not be reached says nothing about the profile once it has another source.
func TestNext_ReadinessIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		fake.response = func(call) (*http.Response, error) { return fake.refuse(http.StatusServiceUnavailable, "Down"), nil }
		first := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		if _, err := first.Session(t.Context(), credentials.SessionRequest{}); err == nil || first.Ready() {
			t.Fatal("the store is ready")
		}
		changed := orders()
		changed.AssumeRole.RoleARN += "-2"
		if !follow(t, first, credentials.Options{Profiles: []credentials.Profile{changed}, Transport: fake}).Ready() {
			t.Error("what was never tried is not ready")
		}
		if follow(t, first, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake}).Ready() {
			t.Error("what failed is ready")
		}
	})
}

func TestNext_FaultsLeaveTheStoreAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		first := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake})
		held := ask(t, first, "orders")
		bad := orders()
		bad.AssumeRole.RoleARN = "orders"
		if _, err := first.Next(credentials.Options{Profiles: []credentials.Profile{bad}, Transport: fake, Now: time.Now}); err == nil {
			t.Error("a fault is not reported")
		}
		if got := ask(t, first, "orders"); got.Credentials.AccessKeyID != held.Credentials.AccessKeyID || fake.count() != 1 {
			t.Error("the session is another")
		}
	})
}

func TestNext_KeepsSessionsOfRequestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(time.Now)
		first := open(t, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake, Region: "eu-west-1"})
		given := credentials.RequestCredentials{AccessKeyID: exampleKey, SecretAccessKey: exampleSecret, RoleARN: roleARN, Caller: "flow"}
		var ids []string
		next := follow(t, first, credentials.Options{Profiles: []credentials.Profile{orders()}, Transport: fake, Region: "eu-west-1"})
		for _, s := range []*credentials.Store{first, next} {
			session, err := s.SessionFromRequest(t.Context(), given)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, session.Credentials.AccessKeyID)
		}
		if fake.count() != 1 || ids[0] != ids[1] {
			t.Errorf("%d calls, %v", fake.count(), ids)
		}
	})
}

// A reload while the pair on disk is half written fails no request.
func TestNext_KeepsTheCertificateThatAWSAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := newRoot(time.Now())
		f := newFiles(t)
		rotate(t, root, f, 0, func() {})
		list := credentials.Options{Profiles: []credentials.Profile{onPremises(f)}, Transport: &served{Handler: standIn(root, time.Now)}}
		first := open(t, list)
		ask(t, first, "erp")
		put(t, f.key, pkcs8(rsaOther()))
		next := follow(t, first, list)
		first.Retire()
		next.Invalidate("erp")
		ask(t, next, "erp")
		next.Retire()
	})
}
