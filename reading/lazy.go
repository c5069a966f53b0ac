package reading

import "countersign/internal/lazyregexp"

type expression = lazyregexp.Expression

func lazy(text string) expression { return lazyregexp.New(text) }
