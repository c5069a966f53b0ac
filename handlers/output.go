package handlers

import (
	"countersign/internal/appendjson"
	"countersign/problem"
)

// output is how much of the response the caller wants.
type output struct {
	short bool
	form  string // of the body; empty for the default of short
}

func (in *signRequest) wanted() output {
	return output{valueOf(in.Output) == "short", valueOf(in.BodyForm)}
}

func (in *signRequest) checkOutput(found *problem.Fields) {
	found.OneOf("/output", in.Output, "full", "short")
	found.OneOf("/bodyForm", in.BodyForm, "text", "base64", "envelope", "none")
}

// alwaysFull refuses the choice if the whole response is needed: by the next step, or by the command that prints it.
func (in *signRequest) alwaysFull() error {
	var found problem.Fields
	const reason = "must be left out here: the response is always full."
	if in.Output != nil {
		found.Add("/output", reason)
	}
	if in.BodyForm != nil {
		found.Add("/bodyForm", reason)
	}
	return found.Err()
}

// choose removes from the response what the caller does not want.
func (a *signedResponse) choose(want output) {
	a.output = want
	if !a.Body.Present {
		return
	}
	form := want.form
	if form == "" && want.short {
		form = "text"
	}
	switch form {
	case "text":
		a.bodyForms = bodyForms{text: a.Body.Text, encoded: !a.Body.Text}
	case "base64":
		a.bodyForms = bodyForms{encoded: true}
	case "envelope":
		a.bodyForms = bodyForms{enveloped: true}
	case "none":
		a.bodyForms = bodyForms{}
	}
}

// bodyForms are the forms of the body in a response.
type bodyForms struct{ text, encoded, enveloped bool }

func (f bodyForms) appendTo(o *appendjson.Object, body []byte, media string) {
	if f.text {
		o.LargeText("body", body)
	}
	if f.encoded {
		o.LargeBase64("bodyBase64", body)
	}
	if f.enveloped {
		o.Object("bodyEnvelope", func(o *appendjson.Object) {
			o.Text("$content-type", media)
			o.LargeBase64("$content", body)
		})
	}
}
