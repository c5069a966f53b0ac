package access

import (
	"fmt"
	"strings"

	_ "embed"
)

//go:embed protocols.tsv
var protocolTable string

//go:embed credentials.tsv
var credentialTable string

//go:embed s3operations.tsv
var s3OperationTable string

// readTables reads the tables of operations.
func (p *Policy) readTables() error {
	rows, err := readTable(protocolTable, "service", "query", "targets")
	if err != nil {
		return fmt.Errorf("reading protocols.tsv: %w", err)
	}
	p.protocols = make(map[string]protocol, len(rows))
	for _, row := range rows {
		if row[1] != "yes" && row[1] != "no" {
			return fmt.Errorf("reading protocols.tsv: %s: query is yes or no, not %q", row[0], row[1])
		}
		entry := protocol{query: row[1] == "yes"}
		if row[2] != "-" {
			entry.targets = strings.Fields(row[2])
		}
		p.protocols[row[0]] = entry
	}
	rows, err = readTable(s3OperationTable, "level", "method", "subresource", "operation")
	if err != nil {
		return fmt.Errorf("reading s3operations.tsv: %w", err)
	}
	p.s3Operations = make(map[[3]string]string, len(rows))
	p.s3Selectors = map[string]bool{}
	for _, row := range rows {
		p.s3Operations[[3]string(row[:3])] = row[3]
		p.s3Selectors[row[2]] = true
	}
	rows, err = readTable(credentialTable, "service", "operation", "request", "default", "credential", "why", "source")
	if err != nil {
		return fmt.Errorf("reading credentials.tsv: %w", err)
	}
	p.calls = map[string][]call{}
	for _, row := range rows {
		if row[1] != "*" && row[3] == "refused" { // guardrails.cedar has the whole services
			p.calls[row[0]] = append(p.calls[row[0]], newCall(row[1], row[2]))
		}
	}
	return nil
}

// readTable reads lines of tab-separated columns below a heading. Lines with '#' are comments.
func readTable(text string, columns ...string) ([][]string, error) {
	var rows [][]string
	seen := map[string]bool{}
	headed := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != len(columns) {
			return nil, fmt.Errorf("%d columns in %q, want %d", len(row), line, len(columns))
		}
		if !headed {
			headed = true
			if line != strings.Join(columns, "\t") {
				return nil, fmt.Errorf("heading %q", line)
			}
			continue
		}
		if seen[line] {
			return nil, fmt.Errorf("%q twice", line)
		}
		seen[line] = true
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no rows")
	}
	return rows, nil
}
