package broker

import (
	"slices"
	"strings"
	"unicode"

	"countersign/endpoints"
	"countersign/internal/lazyregexp"
)

var knownMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// correctSpelling corrects spellings that have only one meaning and that AWS would refuse as given: methods and regions
// are case-sensitive.
func correctSpelling(in *Input, op *operation) error {
	if upper := strings.ToUpper(in.Method); upper != in.Method && isASCII(in.Method) && slices.Contains(knownMethods, upper) {
		in.Method = upper
		op.warn("method_uppercased", "The method was signed as "+upper+", because AWS expects methods in capital "+
			"letters. Send it that way, as in the method of this response.")
	}
	lower := strings.ToLower(in.Service)
	if in.Service != lower && !endpoints.IsService(in.Service) && isASCII(in.Service) && endpoints.IsService(lower) {
		in.Service = lower
		op.warn("service_lowercased", "The service was signed as "+lower+", because AWS's service names "+
			"are case-sensitive. Give it that way.")
	}
	if in.Region != "" {
		in.Region = op.respellRegion(in.Region)
	}
	return nil
}

// respellRegion spells AWS regions as AWS does: eu-west-1 for EU-WEST-1 and for the SDKs' EU_WEST_1. Other vendors'
// region names stay.
func (op *operation) respellRegion(given string) string {
	regions := strings.Split(given, ",")
	for i, region := range regions {
		lower := strings.ReplaceAll(strings.ToLower(region), "_", "-")
		if isASCII(region) && endpoints.PartitionOf(region) == "" && endpoints.PartitionOf(lower) != "" {
			regions[i] = lower
		}
		if n := len(lower) - 1; n > 0 && 'a' <= lower[n] && lower[n] <= 'z' && endpoints.PartitionOf(lower[:n]) != "" {
			op.warn("region_is_zone", "The region "+lower+" is the name of a zone. It was signed unchanged, "+
				"which AWS refuses. Give the region, "+lower[:n]+".")
		}
	}
	region := strings.Join(regions, ",")
	if region != given {
		op.warn("region_respelled", "The region was signed as "+region+", because AWS writes regions in lower "+
			"case with hyphens. Give it that way.")
	}
	return region
}

// trimURL removes characters around a copied or composed URL that no client sends.
func (op *operation) trimURL(given string) string {
	trimmed := TrimURL(given)
	if trimmed != given {
		op.warn("url_trimmed", "Blanks or invisible characters around the URL were left out. Send the URL of "+
			"this response; write %20 for a blank that belongs to the URL.")
	}
	return trimmed
}

// otherURL describes a text that is not the URL of a request, or returns "".
func otherURL(given string) string {
	if kind := unevaluated(given); kind != "" {
		return "The URL holds " + kind + ", which looks like an expression that was not evaluated."
	}
	switch lower := strings.ToLower(given); {
	case strings.HasPrefix(lower, "s3://"):
		return "The address s3://bucket/key is only for AWS's own tools. Write https://bucket.s3.region.amazonaws.com/key."
	case strings.HasPrefix(lower, "arn:"):
		return "An ARN is not a URL. Give the address of the service, such as https://sqs.eu-west-1.amazonaws.com/."
	case strings.Contains(lower, "&amp;"):
		return "The URL contains &amp;, which is HTML for &. Write & itself."
	case strings.HasPrefix(lower, "https%3a"), strings.HasPrefix(lower, "http%3a"):
		return "The whole URL is percent-encoded. Encode only its names and values."
	}
	return ""
}

// TrimURL removes blanks and invisible characters around a URL.
func TrimURL(given string) string { return strings.TrimFunc(given, isInvisible) }

// isInvisible reports whether a character is a blank, a line break or only for layout, such as U+200B and U+FEFF.
func isInvisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// strayCharacter matches invisible characters that no name contains on purpose. Joiners (U+200C, U+200D) are not among
// them: they are part of emoji and of some scripts.
var strayCharacter = lazyregexp.New(`[\x{00AD}\x{061C}\x{180E}\x{200B}\x{200E}\x{200F}` +
	`\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}]`)

// encodedEscape matches an escape whose percent sign is encoded again: of an ASCII character other than letters and
// digits, or of the first byte of a UTF-8 sequence.
var encodedEscape = lazyregexp.New(`%25(?:2[0-9A-Fa-f]|3[A-Fa-f]|40|5[B-Fb-f]|60|7[B-Eb-e]|` +
	`[Cc][2-9A-Fa-f]|[DdEe][0-9A-Fa-f]|[Ff][0-4])`)

// warnOfURL warns about what a URL contains by mistake.
func warnOfURL(_ *Input, op *operation) error {
	if !strings.Contains(op.request.URL.String(), "%") {
		return nil
	}
	for _, part := range op.urlParts() {
		if strayCharacter().MatchString(part) {
			op.warn("invisible_character", "The URL holds an invisible character, such as a zero-width space, "+
				"which often comes along when text is copied. It was signed unchanged; remove it unless it is part of the name.")
			break
		}
	}
	if encodedEscape().MatchString(op.request.URL.String()) {
		op.warn("encoded_twice", "The URL holds an escape whose percent sign is encoded again, such as %2520. "+
			"Names are encoded here: give them unencoded, or encoded once, unless the name itself has a percent sign.")
	}
	return nil
}
