package logicapps

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// document is the result of xml().
type document struct{ elements []element }

type element struct{ name, text string }

// parseXML returns the elements in the order in which they end.
func parseXML(_ *Run, a []any) (any, error) {
	text, isText := a[0].(string)
	if !isText {
		return nil, errors.New("a text is expected")
	}
	decoder, doc, open := xml.NewDecoder(strings.NewReader(text)), document{}, []element{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && len(doc.elements) > 0 {
			return doc, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			open = append(open, element{name: t.Name.Local})
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			}
		case xml.EndElement:
			doc.elements = append(doc.elements, open[len(open)-1])
			open = open[:len(open)-1]
		}
	}
}

// Two forms of XPath are supported: the text of the first element with a name, and the texts of all.
var (
	firstText = regexp.MustCompile(`^string\(//\*\[local-name\(\)="(\w+)"\]\)$`)
	allTexts  = regexp.MustCompile(`^//\*\[local-name\(\)="(\w+)"\]/text\(\)$`)
)

func xpath(_ *Run, a []any) (any, error) {
	doc, isXML := a[0].(document)
	path, _ := a[1].(string)
	first, all := firstText.FindStringSubmatch(path), allTexts.FindStringSubmatch(path)
	switch {
	case !isXML:
		return nil, errors.New("xml(…) is expected")
	case first != nil:
		for _, e := range doc.elements {
			if e.name == first[1] {
				return e.text, nil
			}
		}
		return "", nil
	case all != nil:
		texts := []any{}
		for _, e := range doc.elements {
			if e.name == all[1] {
				texts = append(texts, e.text)
			}
		}
		return texts, nil
	}
	return nil, fmt.Errorf("the path %s is not supported here", path)
}
