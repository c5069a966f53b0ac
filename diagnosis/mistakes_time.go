package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"countersign/signing"
)

// httpTime is the layout of HTTP's Date header.
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// timeMark stands for a time in a canonical request. No header or query contains it.
const timeMark = "\x00"

// timeMistakes: the clock was read twice.
func (m *mismatch) timeMistakes() []mistake {
	var list []mistake
	add := func(d time.Duration) {
		at := m.claim.time.Add(d).Format(signing.TimeFormat)
		list = append(list, mistake{
			dimension: inString, cause: "signed-time", place: "time", signedText: at,
			note:   "The string to sign has " + at + ", and x-amz-date " + m.prover.date + ": the clock was read twice.",
			rare:   d.Abs() > 2*time.Second && d%time.Hour != 0 || d.Abs() > 14*time.Hour,
			prefix: m.prover.prefixAt(at),
		})
	}
	for s := 1; s <= 120; s++ {
		add(time.Duration(s) * time.Second)
		add(-time.Duration(s) * time.Second)
	}
	for half := 1; half <= 28; half++ {
		add(time.Duration(half) * 30 * time.Minute)
		add(-time.Duration(half) * 30 * time.Minute)
	}
	return list
}

// movedTime finds the time that was signed if the request's own time was replaced after signing, for example by a
// client that sets its own date: header or parameter and string to sign had another time. It returns nil if no time
// fits.
func (m *mismatch) movedTime(s *searcher, base *canonical) *mistake {
	written := m.claim.time.Format(signing.TimeFormat)
	for _, h := range base.headers {
		layout := ""
		switch {
		case h.Name == "x-amz-date" && h.Value == written:
			layout = signing.TimeFormat
		case h.Name == "date" && m.claim.date == h.Value && h.Value == m.claim.time.Format(httpTime):
			layout = httpTime
		default:
			continue
		}
		marked := s.base
		marked.headers = withValue(base, h.Name, timeMark)
		if at, ok := s.timeIn(&marked, m.claim.time, layout); ok {
			signed := at.Format(layout)
			return &mistake{
				dimension: inString, cause: "changed-header", place: "header:" + h.Name, change: changedHeader(h.Name, signed, h.Value),
				signedTime: signed,
			}
		}
	}
	before, after, found := strings.Cut(base.query, "X-Amz-Date="+written)
	if !found {
		return nil
	}
	marked := s.base
	marked.query = before + "X-Amz-Date=" + timeMark + after
	at, ok := s.timeIn(&marked, m.claim.time, signing.TimeFormat)
	if !ok {
		return nil
	}
	query := strings.Replace(marked.query, timeMark, at.Format(signing.TimeFormat), 1)
	return &mistake{
		dimension: inString, cause: "changed-query", place: "query", change: func() difference { return queryDifference(query, base.query) },
	}
}

// shifts are the seconds by which a time may have been moved.
var shifts = func() (seconds []int) {
	const longest, otherClock, zones = 15 * 60, 60, 28
	for second := -longest; second <= otherClock; second++ {
		if second != 0 {
			seconds = append(seconds, second)
		}
	}
	for half := 1; half <= zones; half++ {
		seconds = append(seconds, half*1800, -half*1800)
	}
	return seconds
}()

// timeIn finds the time that, written at the mark, gives the pasted signature. It tries each second of the 15 minutes
// before the time in the request, which is the time of sending (AWS accepts nothing older), the minute after it, for
// another clock, and half-hour steps, for local time.
func (s *searcher) timeIn(marked *parts, stated time.Time, layout string) (at time.Time, ok bool) {
	before, after, _ := bytes.Cut(marked.append(nil), []byte(timeMark))
	first, last := s.algorithm+"\n", "\n"+strings.Join(s.scope, "/")+"\n"
	text := s.other.text
	for _, second := range shifts {
		at := stated.Add(time.Duration(second) * time.Second)
		text = append(at.AppendFormat(append(text[:0], before...), layout), after...)
		if !s.take(len(text)) {
			break
		}
		sum := sha256.Sum256(text)
		s.toSign = at.AppendFormat(append(s.key.begin(s.toSign), first...), signing.TimeFormat)
		s.toSign = hex.AppendEncode(append(s.toSign, last...), sum[:])
		if s.equalsPasted(s.key.end(s.toSign)) {
			return at, true
		}
	}
	return time.Time{}, false
}
