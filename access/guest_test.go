package access_test

import (
	"testing"

	"countersign/access"
)

func TestGuest_IsOffByDefaultAndLimitedToItsProfiles(t *testing.T) {
	if _, err := access.NewAuthenticator(access.Options{Guest: &access.Guest{}, Now: at(noon)}); err == nil {
		t.Error("guests without profiles are accepted")
	}
	if guest, may := newAuthenticator(t, access.Options{OIDC: []access.OIDC{newProvider().oidc()}}).Guest(); may || guest.ID != "" {
		t.Errorf("there is a guest: %+v", guest)
	}
	a := newAuthenticator(t, access.Options{Guest: &access.Guest{Profiles: []string{"kiosk"}}})
	if got, err := a.Authenticate(request()); err == nil {
		t.Errorf("Authenticate lets a guest in: %+v", got)
	}
	guest, may := a.Guest()
	if !may || guest.ID != access.GuestID || guest.Method != access.MethodGuest {
		t.Fatalf("Guest() = %+v, %v", guest, may)
	}
	p, err := access.NewPolicy("p.cedar", []byte("permit (principal, action, resource);"))
	if err != nil {
		t.Fatal(err)
	}
	for profile, allowed := range map[string]bool{"kiosk": true, "orders": false, "": false} {
		for _, own := range []bool{false, true} {
			q := access.Question{Caller: guest, Action: access.ActionSign, Request: access.Request{
				Profile: profile, OwnKeys: own, Service: "sqs", Region: "eu-west-1", Method: "GET", Scheme: "https",
				Host: "sqs.eu-west-1.amazonaws.com", Path: "/", Payload: access.PayloadSigned,
			}}
			if got := p.Decide(q); got.Allowed != (allowed && !own) {
				t.Errorf("profile %q, own keys %v: %v", profile, own, got)
			}
		}
		if could := p.CouldAllow(guest, access.Filter{Profile: profile}); could != (allowed || profile == "") {
			t.Errorf("CouldAllow of profile %q: %v", profile, could)
		}
	}
}
