package reading

import "strconv"

// Each calls f with every value of the request that the paste has, and the JSON
// Pointer of the field that it becomes in a request to sign.
func (q *Request) Each(f func(field string, v Value)) {
	f("/method", q.Method)
	f("/url", q.URL)
	for i, h := range q.Headers {
		at := "/headerList/" + strconv.Itoa(i)
		f(at+"/name", h.Name)
		f(at+"/value", h.Value)
	}
	if q.Body.State == BodyPresent || q.Body.State == BodyTruncated {
		f("/body", q.Body.Content)
	}
	if q.Service.Len() > 0 {
		f("/service", q.Service)
	}
	if q.Region.Len() > 0 {
		f("/region", q.Region)
	}
}
