package diagnosis

import (
	"strings"

	"countersign/reading"
)

// takeExchanges chooses the exchange of a paste that the diagnosis is about, and looks
// in those before it for what its own lacks.
func (f *facts) takeExchanges(list []reading.Exchange) {
	at := refusedOf(list)
	if at < 0 {
		if q := requestBeside(list); q != nil {
			f.place(messageRead(q))
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
	m := messageRead(q)
	for i := range at {
		before := list[i].Request
		if before == nil || before == q || authorizationOf(q) == "" {
			continue
		}
		earlier := messageRead(before)
		toSign := authorizationOf(before) == "" && earlier.method == m.method && earlier.url == m.url // as SDKs log it before they sign
		if (toSign || authorizationOf(before) == authorizationOf(q)) && f.goesOn(earlier, m) {
			return
		}
	}
	f.place(m)
}

// refusedOf is the exchange with the refusal; that of a redirect that was followed is
// none, and is not -1 only where it is all there is.
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

// goesOn takes an earlier request with the same signature: a command and the trace of it,
// or a request and what a redirect made of it. It says whether it placed both.
func (f *facts) goesOn(before, m *message) bool {
	if before.method == m.method && before.url == m.url {
		if !m.known && before.known { // curl -v shows no bodies
			m.known, m.exact, m.body = true, before.exact, before.body
		}
		return false
	}
	if !strings.EqualFold(before.host, m.host) && before.host != "" && m.host != "" || !before.known {
		return false
	}
	f.signed, f.sent = before, m
	return true
}

func authorizationOf(q *reading.Request) string {
	h, _ := q.Header("Authorization")
	return h.Value.Text()
}

// requestBeside is the request of the refusal's own exchange, or else the first.
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
