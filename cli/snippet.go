package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/broker"
	"countersign/handlers"
	"countersign/problem"
	"countersign/reading"
	"countersign/snippets"

	"github.com/spf13/cobra"
)

// snippetFlags are the flags that ask for a request in the form of another tool.
type snippetFlags struct{ form, address string }

func (s *snippetFlags) add(c *cobra.Command) {
	names := formNames()
	c.Flags().StringVar(&s.form, "as", "", "`FORM` of another tool in which the signed request is printed: "+strings.Join(names[1:], ", ")+".")
	c.Flags().StringVar(&s.address, "address", "", "`URL` of a Countersign service. With --as: print what calls it to sign the\n"+
		"request, each time that it runs.")
	complete(c, "as", names...)
}

// formNames are the forms of --as, with curl for curl in bash.
func formNames() []string {
	names := []string{"curl"}
	for _, form := range snippets.Forms() {
		names = append(names, string(form))
	}
	return names
}

// print prints the request for the other tool.
func (s snippetFlags) print(p *process, r *curlRequest) error {
	form := s.form
	if form == "curl" {
		form = string(snippets.CurlBash)
	}
	if !slices.Contains(snippets.Forms(), snippets.Form(form)) {
		var fault problem.Fields
		fault.OneOf("--as", &s.form, formNames()...)
		return usageError{fmt.Errorf("--as: %s", fault.List()[0].Detail)}
	}
	var address *string
	if s.address != "" {
		address = &s.address
		r.keeps = expressionsOf(snippets.Form(form))
	}
	document, expressions, err := s.document(p, r)
	if err != nil {
		return err
	}
	made, err := handlers.WriteSnippet(form, document, address, expressions)
	if err != nil {
		return usageError{snippetProblem(broker.Problem(err))}
	}
	fmt.Fprintln(p.stderr, made.Hint)
	_, err = fmt.Fprint(p.stdout, made.Text)
	return err
}

// document returns the request to write: signed, or for the service to sign. expressions reports whether it has any
// to keep.
func (s snippetFlags) document(p *process, r *curlRequest) (document []byte, expressions bool, err error) {
	if s.address == "" {
		signed, err := signOne(p, r)
		if err != nil {
			return nil, false, err
		}
		warn(p.stderr, signed.Warnings)
		document, err = handlers.RequestDocument(&broker.Input{
			Method: signed.Method, URL: signed.URL, Headers: signed.Headers, Body: func() (broker.Body, error) { return signed.Body, nil },
		})
		return document, false, err
	}
	g, err := r.source(p, "sign")
	switch {
	case err != nil:
		return nil, false, err
	case r.login != "":
		return nil, false, usageError{errors.New("-u: the service signs with the keys of its profile; leave out -u")}
	case g.input == nil:
		return g.document, false, nil
	}
	g.input.Profile = r.profile
	document, err = handlers.RequestDocument(g.input)
	return document, g.expressions, err
}

// expressionsOf returns the forms whose expressions the tool evaluates itself.
func expressionsOf(form snippets.Form) []reading.Form {
	switch form {
	case snippets.LogicApps, snippets.PowerAutomate:
		return []reading.Form{reading.FormLogicApps}
	case snippets.N8N:
		return []reading.Form{reading.FormN8N}
	}
	return nil
}

// snippetProblem says what cannot be written, in terms of the flags.
func snippetProblem(p *problem.Error) error {
	flags := strings.NewReplacer("/for", "--as", "/address", "--address")
	faults := make([]error, len(p.Fields))
	for i, f := range p.Fields {
		faults[i] = fmt.Errorf("%s: %s", flags.Replace(f.Pointer), f.Detail)
	}
	if len(faults) == 0 {
		return p
	}
	return errors.Join(faults...)
}
