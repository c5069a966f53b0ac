package access

import (
	"slices"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// view presents a question to Cedar. Entities are built when a policy first needs them, and only with the attributes
// that some policy reads, because building records is most of the cost of a decision.
type view struct {
	p                   *Policy
	q                   *Question
	f                   *attributes
	principal, resource cedar.EntityUID
	caller, request     cedar.Entity
}

func (p *Policy) view(q *Question, f *attributes) *view {
	return &view{
		p: p, q: q, f: f,
		principal: types.NewEntityUID("Caller", types.String(q.Caller.ID)),
		resource:  types.NewEntityUID("Request", "request"),
	}
}

// Get implements [types.EntityGetter].
func (v *view) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid.Type {
	case "Request":
		if v.request.UID.Type == "" {
			v.buildRequest()
		}
		return v.request, uid == v.resource
	case "Caller":
		if v.caller.UID.Type == "" {
			v.buildCaller()
		}
		return v.caller, uid == v.principal
	}
	return cedar.Entity{}, false
}

func (v *view) buildCaller() {
	c := &v.q.Caller
	v.caller.UID = v.principal
	if len(c.Roles) > 0 {
		roles := make([]cedar.EntityUID, len(c.Roles))
		for i, role := range c.Roles {
			roles[i] = types.NewEntityUID("Role", types.String(role))
		}
		v.caller.Parents = types.NewEntityUIDSet(roles...)
	}
	if v.p.readsCaller {
		v.caller.Attributes = types.NewRecord(types.RecordMap{
			"id":     types.String(c.ID),
			"method": types.String(c.Method),
			"issuer": types.String(c.Issuer),
		})
	}
}

func (v *view) buildRequest() {
	f, r, reads := v.f, &v.q.Request, v.p.reads
	attributes := types.RecordMap{}
	text := func(name types.String, value string) {
		if value != "" && reads[string(name)] {
			attributes[name] = types.String(value)
		}
	}
	text("profile", f.profile)
	text("service", f.service)
	text("region", f.region)
	text("host", f.host)
	text("method", f.method)
	text("path", f.path)
	text("payload", string(r.Payload))
	text("operation", f.operation)
	if reads["ownKeys"] && f.host != "" {
		attributes["ownKeys"] = types.Boolean(r.OwnKeys)
	}
	if f.host != "" {
		if reads["port"] {
			attributes["port"] = types.Long(f.port)
		}
		if reads["query"] {
			attributes["query"] = names(f.query)
		}
		if reads["headers"] {
			attributes["headers"] = names(f.headers)
		}
		if reads["expiresIn"] {
			attributes["expiresIn"] = types.Long(r.ExpiresIn / time.Second)
		}
	}
	v.request.UID = v.resource
	v.request.Attributes = types.NewRecord(attributes)
	if reads["tags"] {
		v.request.Tags = v.p.tags(f)
	}
}

// tags returns the values that policies read. A policy never gets to read a value that occurs more than once (see
// askedNames.ambiguity).
func (p *Policy) tags(f *attributes) types.Record {
	tags := types.RecordMap{}
	for _, q := range f.query {
		if name := "query." + q.Name; slices.Contains(p.asked[strings.ToLower(name)].spellings, name) {
			tags[types.String(name)] = types.String(q.Value)
		}
	}
	for _, h := range f.headers {
		if _, found := p.asked["header."+h.Name]; found {
			tags[types.String("header."+h.Name)] = types.String(foldSpace(h.Value))
		}
	}
	return types.NewRecord(tags)
}

func names(fields []Field) types.Set {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	return texts(list)
}

func texts(list []string) types.Set {
	if len(list) == 0 {
		return types.Set{}
	}
	values := make([]types.Value, len(list))
	for i, text := range list {
		values[i] = types.String(text)
	}
	return types.NewSet(values...)
}

// context returns the guardrails' context: what the permitting policies name, and what in the request must be named.
func (p *Policy) context(permits []*statement, f *attributes, ownKeys bool) cedar.Record {
	if len(permits) == 1 && len(f.unusual) == 0 && len(f.credentials) == 0 && !ownKeys {
		return permits[0].context
	}
	var named []types.Value
	for _, s := range permits {
		named = append(named, s.named...)
	}
	return p.newContext(named, f.unusual, f.credentials, ownKeys)
}

func (p *Policy) newContext(named []types.Value, unusual, credentials []string, ownKeys bool) cedar.Record {
	return types.NewRecord(types.RecordMap{
		"named":       types.NewSet(named...),
		"unusual":     texts(unusual),
		"credentials": texts(credentials),
		"restricted":  types.Boolean(p.restricted),
		"ownKeys":     types.Boolean(ownKeys),
	})
}
