package diagnosis

import (
	"strings"

	"countersign/reading"
)

// takeExchanges chooses the exchange of a paste that the diagnosis is about, and fills in from earlier exchanges what
// its request lacks.
func (f *facts) takeExchanges(list []reading.Exchange) {
	at := refusedOf(list)
	if at < 0 {
		if q := requestBeside(list); q != nil {
			f.setRequest(messageFrom(q))
		}
		return
	}
	e := &list[at]
	f.refusal, f.refused, f.status, f.response = e.Refusal, true, e.Refusal.Status, e.Response
	q := requestBeside(list)
	if e.Request != nil {
		q = e.Request
	}
	if q == nil {
		return
	}
	m := messageFrom(q)
	for i := range at {
		before := list[i].Request
		if before == nil || before == q || authorizationOf(q) == "" {
			continue
		}
		earlier := messageFrom(before)
		// SDKs log the request like this before signing it.
		toSign := authorizationOf(before) == "" && earlier.method == m.method && earlier.url == m.url
		if (toSign || authorizationOf(before) == authorizationOf(q)) && f.mergeEarlier(earlier, m) {
			return
		}
	}
	f.setRequest(m)
}

// refusedOf returns the index of the exchange with the refusal. A redirect that was followed does not count, unless
// there is nothing else. It returns -1 if there is none.
func refusedOf(list []reading.Exchange) int {
	first := -1
	for i := range list {
		r := list[i].Refusal
		switch {
		case r == nil:
		case len(r.Codes)+len(r.Says) == 0 && r.Status >= 300 && r.Status < 400:
			if first < 0 {
				first = i
			}
		default:
			return i
		}
	}
	return first
}

// mergeEarlier merges an earlier request with the same signature: a command and its trace, or a request and what a
// redirect made of it. It reports whether it set both requests.
func (f *facts) mergeEarlier(earlier, m *message) bool {
	if earlier.method == m.method && earlier.url == m.url {
		if !m.bodyKnown && earlier.bodyKnown { // curl -v shows no bodies
			m.bodyKnown, m.bodyExact, m.body = true, earlier.bodyExact, earlier.body
		}
		return false
	}
	if !strings.EqualFold(earlier.host, m.host) && earlier.host != "" && m.host != "" || !earlier.bodyKnown {
		return false
	}
	f.signed, f.sent = earlier, m
	return true
}

func authorizationOf(q *reading.Request) string {
	h, _ := q.Header("Authorization")
	return h.Value.Text()
}

// requestBeside returns the request of the refusal's own exchange, or else the first request.
func requestBeside(list []reading.Exchange) *reading.Request {
	for i := range list {
		if list[i].Refusal != nil && list[i].Request != nil {
			return list[i].Request
		}
	}
	for i := range list {
		if list[i].Request != nil {
			return list[i].Request
		}
	}
	return nil
}
