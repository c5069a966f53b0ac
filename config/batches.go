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
// reaches beyond its line or its place: blocks of text, anchors, tags, merged mappings, several documents.
func profileTokens(tokens token.Tokens) (starts []int, end int) {
	column, depth, within := 0, 0, false
	for i, t := range tokens {
		switch t.Type {
		case token.LiteralType, token.FoldedType, token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType,
			token.DocumentHeaderType, token.DocumentEndType, token.DirectiveType, token.CommentType, token.InvalidType:
			return nil, 0
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		isKey := depth == 0 && i+1 < len(tokens) && tokens[i+1].Type == token.MappingValueType
		firstOfLine := i == 0 || tokens[i-1].Position.Line < t.Position.Line
		switch {
		case !isKey || !firstOfLine:
		case t.Position.Column == 1:
			if within && end == 0 {
				end = i
			}
			if t.Value == "profiles" {
				if within { // given twice
					return nil, 0
				}
				within = true
			}
		case within && end == 0:
			if column == 0 {
				column = t.Position.Column
			}
			if t.Position.Column != column {
				break
			}
			if tokens[i-1].Type == token.MappingValueType && len(starts) > 0 { // a profile without a value, which is a fault
				return nil, 0
			}
			starts = append(starts, i)
		}
	}
	if end == 0 {
		end = len(tokens)
	}
	return starts, end
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
