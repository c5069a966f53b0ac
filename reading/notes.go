package reading

// noteTexts says for each note code what it means and what to do. A text never holds text of the paste, which is what
// the span is for.
var noteTexts = map[string]string{
	"argument_missing":     "The option needs a value, and the command ends here.",
	"authentication_added": "The tool adds its own authentication, which takes the place of a signature.",
	"bare_ampersand": "The shell ends the command at the &, so curl sees only the URL before it. Put the URL " +
		"in quotes.",
	"body_in_file":   "The body is in a file, which is not read; paste the body itself.",
	"body_truncated": "The body is shorter than Content-Length says.",
	"command_ends": "cmd ends the command or redirects it here: what follows is not read. Put the URL into double " +
		"quotes.",
	"command_not_read": "A shell cannot read this as one command: a quote or bracket is not closed, or too many are nested.",
	"cookies_in_file":  "The cookies are in a file, which is not read; cookies are not signed.",
	"cut":              "The text ends early or was shortened. Paste all of it.",
	"encodings_assumed": "--compressed sends the list of encodings that this curl was built with; do not sign " +
		"Accept-Encoding.",
	"folded_header":   "A header continues on the next line; AWS and most servers refuse that.",
	"header_ignored":  "curl does not send a header without a colon.",
	"headers_in_file": "The headers are in a file, which is not read; write them as -H.",
	"host_missing":    "The request has no Host header; add it, or write the whole URL into the first line.",
	"line_ends_lost":  "The body has fewer bytes than Content-Length says: its line ends were changed when it was copied.",
	"method_unknown":  "The text does not show the method of the request.",
	"multipart": "A multipart form cannot be signed: its boundary is generated when it is sent. Send the file as the " +
		"body, or use a signed upload form.",
	"option_not_read":  "This option changes the request and is not supported here; write the request without it.",
	"option_unknown":   "The command has no such option, or it is too new to be known here.",
	"options_conflict": "curl takes only one of -I, -T and -d, unless -G makes the data a query; leave out the others.",
	"pipe":             "What follows the pipe is not read.",
	"quotes_lost":      `PowerShell before 7.3 loses the quotes within this argument; write \" for each.`,
	"redirect":         "Redirects are not followed; give the body with -d or --data-raw.",
	"scheme_assumed": "The URL has no scheme. curl uses http; elsewhere https is assumed, except for this machine and port 80. " +
		"Write https:// before the host.",
	"secret_dropped": "The secret key beside --aws-sigv4 is not used; use a profile. A key that was pasted is no longer " +
		"secret: replace it.",
	"shortened":           "Text was removed here; what was computed over it cannot be checked.",
	"sigv4_provider":      "Only AWS signatures are supported (aws:amz:REGION:SERVICE); leave the option out to get one.",
	"smart_quotes":        "An editor or a web page has replaced straight quotes with curly ones, which no shell knows; type straight quotes.",
	"continuation_broken": "A space after this backslash ends the command at the end of the line; remove the space.",
	"value_missing":       "The angle brackets stand for a value of your own; write it in their place.",
	"answer_assumed":      "The text where the request's body would be is taken for AWS's response.",
	"too_long":            "The text is longer than 1 MiB; what follows was not read. Paste only the request and the response.",
	"too_many_headers":    "The line has more headers than are read.",
	"too_many_requests":   "The text holds more than 200 requests; the others were not read.",
	"too_many_values":     "The document has more levels or values than are read.",
	"too_much_to_decode":  "There is more encoded text inside the text than is read.",
	"typographic_dash":    "An editor or a web page has replaced the hyphens of an option with a dash; type - or --.",
	"url_invalid":         "curl refuses a URL with a space in it; write %20.",
	"url_missing":         "The request has no URL; add it.",
	"url_pattern":         "curl makes several requests from a URL with { or [; write %7B and %5B, or add -g.",
	"variable":            "The value is in a variable, and the text does not show it; write the value here.",
}
