package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// batchSize is the number of profiles parsed at a time. The parser copies the entries of a mapping as often as there
// are entries, so parsing ten thousand profiles at once would take a hundred times the memory of the file.
const batchSize = 256

// parse parses a file. A long list of profiles is parsed in batches, which are then put together.
func parse(text []byte, batch int) (*ast.File, error) {
	tokens := lexer.Tokenize(string(text))
	starts, end := profileTokens(tokens)
	if len(starts) <= batch {
		return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	}
	rest := slices.Concat(tokens[:starts[batch]], tokens[end:])
	file, err := parser.Parse(rest, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	profiles := profilesNode(file)
	if profiles == nil {
		return parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	}
	for from := batch; from < len(starts); from += batch {
		to := end
		if from+batch < len(starts) {
			to = starts[from+batch]
		}
		part, err := parser.Parse(tokens[starts[from]:to], 0, parser.AllowDuplicateMapKey())
		if err != nil {
			return nil, err
		}
		for _, doc := range part.Docs {
			switch body := doc.Body.(type) {
			case *ast.MappingNode:
				profiles.Values = append(profiles.Values, body.Values...)
			case *ast.MappingValueNode:
				profiles.Values = append(profiles.Values, body)
			}
		}
	}
	return file, nil
}

// profileTokens returns where each profile begins and where the last one ends. It returns none if the file contains
// anything that affects other lines, or a fault: profiles given twice, or a profile without a value.
func profileTokens(tokens token.Tokens) (starts []int, end int) {
	if slices.ContainsFunc(tokens, affectsOtherLines) {
		return nil, 0
	}
	column, end := 0, len(tokens)
	within := false
	for _, i := range keysOfLines(tokens) {
		t := tokens[i]
		switch {
		case t.Position.Column == 1 && within:
			end, within = i, false
		case !within:
			if within = t.Position.Column == 1 && t.Value == "profiles"; within && column > 0 {
				return nil, 0
			}
		case column == 0 || t.Position.Column == column:
			column = t.Position.Column
			if len(starts) > 0 && tokens[i-1].Type == token.MappingValueType {
				return nil, 0
			}
			starts = append(starts, i)
		}
	}
	return starts, end
}

// affectsOtherLines reports whether t is part of a block of text, an anchor, a tag, a merged mapping, a comment or a
// document marker.
func affectsOtherLines(t *token.Token) bool {
	return slices.Contains([]token.Type{
		token.LiteralType, token.FoldedType, token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType,
		token.DocumentHeaderType, token.DocumentEndType, token.DirectiveType, token.CommentType, token.InvalidType,
	}, t.Type)
}

// keysOfLines returns the keys at the start of a line, except those within braces and brackets.
func keysOfLines(tokens token.Tokens) (keys []int) {
	depth := 0
	for i, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		default:
			isKey := depth == 0 && i+1 < len(tokens) && tokens[i+1].Type == token.MappingValueType
			if isKey && (i == 0 || tokens[i-1].Position.Line < t.Position.Line) {
				keys = append(keys, i)
			}
		}
	}
	return keys
}

// profilesNode returns the mapping of the profiles.
func profilesNode(file *ast.File) *ast.MappingNode {
	if len(file.Docs) != 1 {
		return nil
	}
	body, _ := file.Docs[0].Body.(*ast.MappingNode)
	if body == nil {
		return nil
	}
	for _, entry := range body.Values {
		if name, isText := scalar(entry.Key); isText && name == "profiles" {
			profiles, _ := entry.Value.(*ast.MappingNode)
			return profiles
		}
	}
	return nil
}
