package handlers

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/access"
	"countersign/broker"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// serveQuery serves an operation that takes these parameters and no body.
func serveQuery[A any](do func(context.Context, *broker.Call, map[string]string) (*A, error), parameters ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values, err := readParameters(r, parameters...)
		if err != nil {
			WriteError(w, r, err)
			return
		}
		out, err := do(r.Context(), &EventOf(r).Call, values)
		if err != nil {
			WriteError(w, r, err)
			return
		}
		writeJSON(w, r, http.StatusOK, "application/json", out)
	})
}

// readParameters reads the query. Each parameter can be given once, and a misspelt one is refused. One that resembles
// none of them is ignored: hosts and gateways add their own, such as code and api-version.
func readParameters(r *http.Request, known ...string) (map[string]string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &problem.Error{Code: "field_invalid", Detail: "The parameters cannot be decoded: write %25 for a " +
			"percent sign, %3B for a semicolon."}
	}
	values := map[string]string{}
	for name, list := range query {
		if len(list) > 1 {
			return nil, &problem.Error{
				Code: "field_invalid", Detail: "A parameter is given twice.",
				Fields: []problem.Field{{Pointer: "/" + escapePointer(strings.ToValidUTF8(name, "?")), Detail: "must be given once; found twice."}},
			}
		}
		values[name] = list[0]
	}
	var fields []problem.Field
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if near := nearestField(name, known); near != "" && near != name {
			fields = append(fields, problem.Field{
				Pointer: "/" + escapePointer(strings.ToValidUTF8(name, "?")), Detail: "unknown parameter; did you mean " + near + "?",
			})
		}
	}
	if fields != nil {
		return nil, &problem.Error{Code: "field_unknown", Fields: fields}
	}
	return values, nil
}

type profileList struct {
	Profiles []listedProfile `json:"profiles"`
}

type listedProfile struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Region      string `json:"region"`
	Default     bool   `json:"default"`
}

// ListProfiles lists the profiles that the caller may use.
func (h *Handlers) ListProfiles() http.Handler {
	return serveQuery(func(_ context.Context, call *broker.Call, _ map[string]string) (*profileList, error) {
		out := &profileList{Profiles: []listedProfile{}}
		for _, p := range h.Sessions.Profiles() {
			if h.Policy.CouldAllow(call.Caller, access.Filter{Profile: p.Name}) {
				title := p.Name
				if p.Description != "" {
					title += ": " + p.Description
				}
				out.Profiles = append(out.Profiles, listedProfile{p.Name, title, p.Description, p.Region, p.Name == h.DefaultProfile})
			}
		}
		return out, nil
	})
}

type serviceList struct {
	Services []listedService `json:"services"`
}

type listedService struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// ListServices lists the signing names of the services that the caller may sign for.
func (h *Handlers) ListServices() http.Handler {
	return serveQuery(func(_ context.Context, call *broker.Call, _ map[string]string) (*serviceList, error) {
		out := &serviceList{Services: []listedService{}}
		for _, s := range endpoints.Services() {
			if h.Policy.CouldAllow(call.Caller, access.Filter{Service: s.Name}) {
				out.Services = append(out.Services, listedService{s.Name, s.Title + " (" + s.Name + ")"})
			}
		}
		return out, nil
	})
}

type regionList struct {
	Regions []listedRegion `json:"regions"`
}

type listedRegion struct {
	Name      string `json:"name"`
	Title     string `json:"title"`
	Partition string `json:"partition"`
}

// ListRegions lists the regions that the caller may sign for, partition by partition.
func (h *Handlers) ListRegions() http.Handler {
	return serveQuery(func(_ context.Context, call *broker.Call, _ map[string]string) (*regionList, error) {
		out := &regionList{Regions: []listedRegion{}}
		for _, group := range endpoints.Regions() {
			for _, r := range group.Regions {
				if h.Policy.CouldAllow(call.Caller, access.Filter{Region: r.Name}) {
					out.Regions = append(out.Regions, listedRegion{r.Name, r.Name + " " + r.Title, group.Partition})
				}
			}
		}
		return out, nil
	})
}

type inferredScope struct {
	Host      string   `json:"host"`
	Signable  bool     `json:"signable"`
	Service   string   `json:"service,omitzero"`
	Region    string   `json:"region,omitzero"`
	RegionSet []string `json:"regionSet,omitzero"`
	Algorithm string   `json:"algorithm"`
	Partition string   `json:"partition,omitzero"`
	Why       string   `json:"why"`
	Needs     []string `json:"needs"`
	Instead   string   `json:"instead,omitzero"`

	Warnings []warning `json:"warnings"`
}

// InferScope says what can be inferred from a URL for its signature, and why.
func (h *Handlers) InferScope() http.Handler {
	return serveQuery(func(_ context.Context, call *broker.Call, values map[string]string) (*inferredScope, error) {
		raw, given := values["url"]
		if !given || raw == "" {
			return nil, &problem.Error{
				Code:   "field_missing",
				Fields: []problem.Field{{Pointer: "/url", Detail: "is required, in the query: /v1/scope?url=https://…"}},
			}
		}
		raw = broker.TrimURL(raw)
		if !strings.Contains(raw, "://") {
			raw = "https://" + raw
		}
		target, _, err := signing.ParseURL(raw, nil)
		if err != nil {
			return nil, broker.InputProblem(err)
		}
		profile := cmp.Or(values["profile"], h.DefaultProfile)
		hosts := h.Hosts[profile]
		if !h.Policy.CouldAllow(call.Caller, access.Filter{Profile: profile}) {
			if values["profile"] != "" {
				return nil, errProfileForbidden
			}
			hosts = nil
		}
		return scopeOf(hosts.Infer(target.Host(), target.Path()))(target.Host()), nil
	}, "url", "profile")
}

func scopeOf(s endpoints.Scope, err error) func(host string) *inferredScope {
	return func(host string) *inferredScope {
		var r *endpoints.InferError
		if !errors.As(err, &r) {
			return &inferredScope{
				Host: host, Signable: true, Service: s.Service, Region: s.Region, RegionSet: s.RegionSet, Algorithm: s.Algorithm,
				Partition: s.Partition, Why: s.Why, Needs: []string{}, Warnings: warningsOf(broker.WarnGuessed(s)),
			}
		}
		out := &inferredScope{
			Host: host, Service: r.Service, Region: r.Region, Algorithm: "none", Partition: r.Partition, Why: r.Reason,
			Needs: []string{}, Instead: r.UseInstead, Warnings: []warning{},
		}
		switch r.Kind {
		case endpoints.Ambiguous:
			out.Signable, out.Algorithm, out.Needs = true, endpoints.SigV4, []string{r.Field}
			out.Warnings = warningsOf(broker.WarnGuessed(endpoints.Scope{Service: r.Service}))
		case endpoints.NotAWS:
			out.Needs = []string{"service", "region"}
		}
		return out
	}
}

var errProfileForbidden = &problem.Error{Code: "forbidden", Detail: "The policies do not allow you this profile."}

type identity struct {
	Profile string `json:"profile"`
	Account string `json:"account"`
	ARN     string `json:"arn"`
	UserID  string `json:"userId"`
}

// TestConnection returns the AWS identity of a profile's session.
func (h *Handlers) TestConnection() http.Handler {
	return serveQuery(func(ctx context.Context, call *broker.Call, values map[string]string) (*identity, error) {
		name := cmp.Or(values["profile"], h.DefaultProfile)
		call.Profile = name
		if !h.Policy.CouldAllow(call.Caller, access.Filter{Profile: name}) {
			return nil, errProfileForbidden
		}
		who, err := h.Sessions.Identity(ctx, credentials.SessionRequest{Profile: name, Caller: call.Caller.ID, Login: call.Caller.Login})
		if err != nil {
			return nil, err
		}
		return &identity{name, who.Account, who.ARN, who.UserID}, nil
	}, "profile")
}
