package cli

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// readCertificates reads the certificates in a file; none if the name is empty.
func readCertificates(file string) ([]*x509.Certificate, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--trust-anchor: %w", err)
	}
	var list []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("--trust-anchor: %s: %w", file, err)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--trust-anchor: %s holds no PEM block CERTIFICATE", file)
	}
	return list, nil
}
