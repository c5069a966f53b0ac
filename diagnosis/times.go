package diagnosis

import (
	"strconv"
	"strings"
	"time"

	"countersign/internal/lazyregexp"
	"countersign/signing"
)

// parseTime parses a time as signatures, refusals and HTTP write it.
func parseTime(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{
		signing.TimeFormat, time.RFC3339, "2006-01-02T15:04:05.000Z", time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC,
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func itoa(n int) string { return strconv.Itoa(n) }

// spokenDuration writes a duration in words.
func spokenDuration(d time.Duration) string {
	d = d.Abs().Round(time.Second)
	switch {
	case d < 2*time.Minute:
		return plural(int(d/time.Second), "second")
	case d < 2*time.Hour:
		text := plural(int(d/time.Minute), "minute")
		if s := int(d/time.Second) % 60; s > 0 {
			text += " " + plural(s, "second")
		}
		return text
	case d < 48*time.Hour:
		text := plural(int(d/time.Hour), "hour")
		if m := int(d/time.Minute) % 60; m > 0 {
			text += " " + plural(m, "minute")
		}
		return text
	}
	return plural(int(d/(24*time.Hour)), "day")
}

var skewedTimes = lazyregexp.New(`(?i)Signature (?:expired|not yet current): (\S+) is .{1,30}?(?:earlier|later) than \S+ \((\S+) [-+]`)

// signedTime returns the time of the signature, as AWS read it or as the request says.
func (c *collector) signedTime() (time.Time, bool) {
	for _, text := range []string{c.refusal.SignedTime.Text(), c.refusal.Field("RequestTime").Text(), c.claim.date} {
		if t, ok := parseTime(text); ok {
			return t, true
		}
	}
	if m := skewedTimes().FindStringSubmatch(c.text); m != nil {
		return parseTime(m[1])
	}
	return time.Time{}, false
}

// serverTime returns AWS's time at the refusal.
func (c *collector) serverTime() (time.Time, bool) {
	for _, text := range []string{c.refusal.ServerTime.Text(), c.refusal.Field("ServerTime").Text(), c.responseHeader("Date")} {
		if t, ok := parseTime(text); ok {
			return t, true
		}
	}
	if m := skewedTimes().FindStringSubmatch(c.text); m != nil {
		return parseTime(m[2])
	}
	return time.Time{}, false
}

// timeStated: the signing time is too far from AWS's.
func timeStated(c *collector) bool {
	late := c.says("signature-expired") || c.code("RequestExpired")
	early := c.says("not-yet-current")
	skewed := c.says("clock-skew") || c.code("RequestTimeTooSkewed", "RequestInTheFuture")
	if !late && !early && !skewed || c.claim.presigned && !skewed && !c.says("signature-expired", "not-yet-current") {
		return false
	}
	signed, known := c.signedTime()
	server, told := c.serverTime()
	known = known && told
	skew := signed.Sub(server)
	if skewed && known {
		early, late = skew > 0, skew < 0
	}
	var evidence []Evidence
	if known {
		evidence = []Evidence{{Part: "time", Signed: signed.Format(signing.TimeFormat), Arrived: server.Format(signing.TimeFormat)}}
	}
	switch {
	case early && c.claim.presigned:
		c.add(finding{
			cause: "presign-not-yet", certainty: Stated, place: "time",
			evidence: evidence,
			reason:   "Its X-Amz-Date is in AWS's future.",
		})
	case early:
		aheadOfTime(c, skew, known, evidence)
	case late:
		lateOrSlow(c, skew, signed, server, known, evidence)
	default:
		c.add(finding{
			cause: "clock-behind", certainty: Open, place: "time",
			reason: "AWS says that the two clocks are too far apart, but not which one is ahead.", fix: clockOrDelay,
		})
		c.also("A signature that was sent late is refused in the same words.", "clock-ahead", "stale-signature")
		c.ask(askTimes)
	}
	return true
}

// isZoneOffset reports whether a skew looks like a time zone: whole or half hours, but at least an hour.
func isZoneOffset(skew time.Duration) bool {
	rest := skew.Abs() % (30 * time.Minute)
	rest = min(rest, 30*time.Minute-rest)
	return skew.Abs() > 45*time.Minute && skew.Abs() < 15*time.Hour && rest <= 20*time.Second
}

// refusedAtOnce reports whether the refusal came within seconds of signing, by the signer's clock.
func (c *collector) refusedAtOnce(signed time.Time) bool {
	return c.in.SignerClock && !c.in.ReceivedAt.IsZero() && c.in.ReceivedAt.Sub(signed).Abs() <= 90*time.Second
}

func aheadOfTime(c *collector, skew time.Duration, known bool, evidence []Evidence) {
	reason := "The signing time is later than AWS's clock."
	if known {
		reason = "The signing time is " + spokenDuration(skew) + " ahead of AWS's clock."
	}
	signed, _ := c.signedTime()
	ahead := finding{cause: "clock-ahead", certainty: Stated, place: "time", evidence: evidence, reason: reason}
	if known && isZoneOffset(skew) && !c.refusedAtOnce(signed) {
		c.add(finding{
			cause: "local-time", certainty: Likely, place: "time", evidence: evidence,
			reason: reason + " That is the difference of a time zone: local time was written with a Z.",
		})
		ahead.certainty = Open
		c.ask(askTimes)
	}
	c.add(ahead)
}

// lateOrSlow distinguishes a slow clock from late sending, if the input allows it.
func lateOrSlow(c *collector, skew time.Duration, signed, server time.Time, known bool, evidence []Evidence) {
	reason := "The signing time is too old by AWS's clock."
	if known {
		reason = "The signing time is " + spokenDuration(skew) + " before AWS's clock."
	}
	clock := finding{cause: "clock-behind", certainty: Open, place: "time", evidence: evidence, reason: reason, fix: clockOrDelay}
	stale := finding{cause: "stale-signature", certainty: Open, place: "time", evidence: evidence, reason: reason}
	if c.in.Attempt > 1 {
		stale.detail = "retry"
		stale.reason += " It was attempt " + itoa(c.in.Attempt) + " with the same headers."
	}
	switch {
	case known && c.refusedAtOnce(signed) && c.in.ReceivedAt.Sub(server).Abs() > time.Minute:
		clock.certainty, clock.fix = Stated, ""
		clock.reason += " By the signer's own clock the response " +
			"came " + spokenDuration(c.in.ReceivedAt.Sub(signed)) + " after signing: that clock is behind."
		c.add(clock)
		return
	case known && !c.in.SignedAt.IsZero():
		staleOrClock(c, stale, clock, signed, server)
		return
	case known && c.in.SignerClock && !c.in.ReceivedAt.IsZero() && c.in.ReceivedAt.Sub(server).Abs() <= 2*time.Minute && !isZoneOffset(skew):
		stale.certainty = Likely
		stale.reason += " The signer's clock agrees with AWS's: it was sent late."
		c.add(stale)
		return
	case c.in.Attempt > 1:
		stale.certainty = Likely
		c.add(stale)
		c.also(reason, "clock-behind")
		return
	case known && isZoneOffset(skew):
		c.add(finding{
			cause: "local-time", certainty: Likely, place: "time", evidence: evidence,
			reason: reason + " That is the difference of a time zone: local time was written with a Z.",
		})
	case c.in.RequestIs == AsSigned: // signed here, by a clock that other requests confirm
		stale.certainty = Likely
		c.add(stale)
	}
	c.add(clock)
	c.add(stale)
	c.ask(askTimes)
}

// clockOrDelay is what to do if the refusal alone does not distinguish the two.
const clockOrDelay = "Compare the clock of the signing machine with AWS's time. If it is off, have it set. If it is right, the request " +
	"was sent too late: put Sign and HTTP into one scope, with nothing between, and retry the scope."

// staleOrClock: the time of signing is known from a clock that is right.
func staleOrClock(c *collector, stale, clock finding, signed, server time.Time) {
	waited := server.Sub(c.in.SignedAt)
	switch off := signed.Sub(c.in.SignedAt); {
	case off.Abs() <= 30*time.Second && waited > time.Minute:
		stale.certainty = Stated
		if stale.detail == "" {
			stale.detail = "delay"
		}
		stale.reason += " It was signed at the right time and reached AWS " + spokenDuration(waited) + " later."
		c.add(stale)
	case off < 0 && waited.Abs() <= 5*time.Minute && isZoneOffset(off):
		c.add(finding{
			cause: "local-time", certainty: Likely, place: "time",
			evidence: stale.evidence,
			reason:   stale.reason + " Whole hours: local time with a Z.",
		})
		c.add(clock)
	case off < 0 && c.in.SignerClock: // one clock, two times: an old signature was kept
		stale.detail, stale.certainty = "reused", Likely
		stale.reason += " It was signed at " + c.in.SignedAt.UTC().Format(signing.TimeFormat) + " with a date of " + spokenDuration(off) +
			" before: a program signs again with the X-Amz-Date of an earlier request."
		c.add(stale)
		c.add(clock)
		c.ask(askTimes)
	case off < 0:
		clock.certainty, clock.fix = Likely, ""
		clock.reason += " It was signed at " + c.in.SignedAt.UTC().Format(signing.TimeFormat) + ", and says " + spokenDuration(off) +
			" before that."
		c.add(clock)
		stale.detail, stale.reason = "reused", "A program may have signed again with the X-Amz-Date of an earlier request."
		c.add(stale)
	default:
		c.add(stale)
		c.add(clock)
		c.ask(askTimes)
	}
}

var askTimes = Question{
	What: "When was the request signed, and when was it sent?",
	Why:  "A slow clock and a late sending give the same refusal.",
	How: "Compare the clock of the signing machine with the Date header of AWS's response; look for a delay, an approval or a " +
		"retry between signing and sending.",
}
