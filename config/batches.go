package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// batchSize is how many profiles are parsed at once. The parser copies the entries of a mapping as often as there are entries,
// so that ten thousand profiles would take a hundred times the memory of the file.
const batchSize = 256

// parse reads a file, a long list of profiles in batches, which it puts together.
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

// profileTokens tells where each profile begins and where the last one ends. There are none where the file has anything that
// reaches beyond its line or its place, or is a fault: profiles that are given twice, or one without a value.
func profileTokens(tokens token.Tokens) (starts []int, end int) {
	if slices.ContainsFunc(tokens, reachesFurther) {
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

// reachesFurther holds for blocks of text, anchors, tags, merged mappings, comments and what divides documents.
func reachesFurther(t *token.Token) bool {
	return slices.Contains([]token.Type{
		token.LiteralType, token.FoldedType, token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType,
		token.DocumentHeaderType, token.DocumentEndType, token.DirectiveType, token.CommentType, token.InvalidType,
	}, t.Type)
}

// keysOfLines are the keys that a line begins with, but for those within braces and brackets.
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

// profilesNode is the mapping of the profiles.
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
