package broker

import (
	"slices"
	"strings"
	"unicode"

	"countersign/endpoints"
	"countersign/internal/lazyregexp"
)

var knownMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// correctSpelling corrects what has one meaning only, and which AWS would refuse as it is given:
// methods and regions are case-sensitive.
func correctSpelling(in *Input, op *operation) error {
	if upper := strings.ToUpper(in.Method); upper != in.Method && isASCII(in.Method) && slices.Contains(knownMethods, upper) {
		in.Method = upper
		op.warn("method_uppercased", "The method was signed as "+upper+", since AWS reads methods in capital "+
			"letters. Send it so, as in the method of this response.")
	}
	lower := strings.ToLower(in.Service)
	if in.Service != lower && !endpoints.IsService(in.Service) && isASCII(in.Service) && endpoints.IsService(lower) {
		in.Service = lower
		op.warn("service_lowercased", "The service was signed as "+lower+", since AWS reads names of services "+
			"as they are spelled. Give it so.")
	}
	if in.Region != "" {
		in.Region = op.respellRegion(in.Region)
	}
	return nil
}

// respellRegion writes the regions of AWS as AWS does: eu-west-1 for EU-WEST-1 and for the
// EU_WEST_1 of SDKs. Names that others gave their regions stay.
func (op *operation) respellRegion(given string) string {
	regions := strings.Split(given, ",")
	for i, region := range regions {
		lower := strings.ReplaceAll(strings.ToLower(region), "_", "-")
		if isASCII(region) && endpoints.PartitionOf(region) == "" && endpoints.PartitionOf(lower) != "" {
			regions[i] = lower
		}
		if n := len(lower) - 1; n > 0 && 'a' <= lower[n] && lower[n] <= 'z' && endpoints.PartitionOf(lower[:n]) != "" {
			op.warn("region_is_zone", "The region "+lower+" is the name of a zone. It was signed as it stands, "+
				"which AWS refuses. Give the region, "+lower[:n]+".")
		}
	}
	region := strings.Join(regions, ",")
	if region != given {
		op.warn("region_respelled", "The region was signed as "+region+", since AWS writes regions in lower "+
			"case with hyphens. Give it so.")
	}
	return region
}

// trimURL takes away what is at the ends of a URL that was copied or put together, and which no
// client sends.
func (op *operation) trimURL(given string) string {
	trimmed := TrimURL(given)
	if trimmed != given {
		op.warn("url_trimmed", "Blanks or invisible characters around the URL were left out. Send the URL of "+
			"this response; write %20 for a blank that belongs to it.")
	}
	return trimmed
}

// otherURL says what a text is that is no URL of a request, or "".
func otherURL(given string) string {
	if kind := unevaluated(given); kind != "" {
		return "The URL holds " + kind + ", which looks like an expression that was not evaluated."
	}
	switch lower := strings.ToLower(given); {
	case strings.HasPrefix(lower, "s3://"):
		return "The address s3://bucket/key is for AWS's own tools. Write https://bucket.s3.region.amazonaws.com/key."
	case strings.HasPrefix(lower, "arn:"):
		return "An ARN is not a URL. Give the address of the service, such as https://sqs.eu-west-1.amazonaws.com/."
	case strings.Contains(lower, "&amp;"):
		return "The URL holds &amp;, as HTML writes &. Write & itself."
	case strings.HasPrefix(lower, "https%3a"), strings.HasPrefix(lower, "http%3a"):
		return "The URL is percent-encoded as a whole. Encode its names and values only."
	}
	return ""
}

// TrimURL takes away blanks and invisible characters around a URL.
func TrimURL(given string) string { return strings.TrimFunc(given, isInvisible) }

// isInvisible holds for blanks, line breaks and characters that are there for layout only, such
// as U+200B and U+FEFF.
func isInvisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// strayCharacter finds an invisible character within a URL that no name has for a reason. Joiners
// (U+200C, U+200D) are part of emoji and of some scripts.
var strayCharacter = lazyregexp.New(`[\x{00AD}\x{061C}\x{180E}\x{200B}\x{200E}\x{200F}` +
	`\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}]`)

// encodedEscape finds an escape whose percent sign is encoded again: of ASCII other than letters
// and digits, or of a first byte in UTF-8.
var encodedEscape = lazyregexp.New(`%25(?:2[0-9A-Fa-f]|3[A-Fa-f]|40|5[B-Fb-f]|60|7[B-Eb-e]|` +
	`[Cc][2-9A-Fa-f]|[DdEe][0-9A-Fa-f]|[Ff][0-4])`)

// warnOfURL looks for what a URL holds by mistake.
func warnOfURL(_ *Input, op *operation) error {
	if !strings.Contains(op.request.URL.String(), "%") {
		return nil
	}
	for _, part := range op.urlParts() {
		if strayCharacter().MatchString(part) {
			op.warn("invisible_character", "The URL holds an invisible character, such as a zero-width space, "+
				"which often comes along when text is copied. It was signed; remove it unless the name has it.")
			break
		}
	}
	if encodedEscape().MatchString(op.request.URL.String()) {
		op.warn("encoded_twice", "The URL holds an escape whose percent sign is encoded again, such as %2520. "+
			"Names are encoded here: give them plain, or encoded once, unless the name itself holds a percent sign.")
	}
	return nil
}
