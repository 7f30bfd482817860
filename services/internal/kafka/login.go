package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// WithUser makes a client log in by SCRAM-SHA-512.
func WithUser(user, password string) kgo.Opt {
	return kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism())
}

// WithCA makes a client use TLS with brokers whose certificates were signed by
// one of those in file, in PEM form.
func WithCA(file string) (kgo.Opt, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the CA file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("CA file %q has no certificate in PEM form (-----BEGIN CERTIFICATE-----)", file)
	}
	return kgo.DialTLSConfig(&tls.Config{RootCAs: roots}), nil
}
