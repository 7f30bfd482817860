package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"swarm-platform/services/internal/kafkatest"
)

// A cluster without one of its brokers is fit for use.
func TestOneOfThreeBrokersIsMissing(t *testing.T) {
	dead := kafkatest.Refusing(t)
	cluster, bootstrap := kafkatest.Misadvertised(t, func([]net.Listener) string { return dead }, kfake.SeedTopics(1, "t"))
	if err := cluster.MoveTopicPartition("t", 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"produce", "consume"} {
		working := producer.Begin(t, command, "--brokers", bootstrap, "--topic", "t", "--count", "10")
		working.Expect("warning: bootstrap at .* broker 2 advertises " + dead + ", which can't be reached from here: connect: connection refused.*KAFKA_ADVERTISED_LISTENERS")
		working.Expect("warning: going on with 2 of 3 brokers")
		working.Succeed()
	}
}

func TestWait(t *testing.T) {
	address := kafkatest.Refusing(t)
	waiting := producer.Begin(t, "roundtrip", "--brokers", address, "--wait", "1m", "--count", "1")
	waiting.Expect("waiting: can't reach broker " + address + ": connect: connection refused")
	kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, address) }))
	waiting.Succeed()
}

func TestLogin(t *testing.T) {
	cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "ann", "right"))
	address := cluster.ListenAddrs()[0]
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("right\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	login := []string{"roundtrip", "--brokers", address, "--count", "10", "--user", "ann"}
	succeed(t, append(login, "--password-file", password)...)
	t.Setenv("PRODUCER_PASSWORD", "right")
	succeed(t, login...)
	// The fake closes the connection on a wrong password; this is how Kafka answers.
	denied := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SASLAuthenticate}, Err: kerr.SaslAuthenticationFailed, Count: -1})
	start := time.Now()
	producer.Fail(t, "can't reach broker .*: auth: user or password are refused", append(login, "--wait", "1m")...)
	if took := time.Since(start); took > kafkatest.Patience {
		t.Errorf("waited %s for a wrong password", took)
	}
	denied.Remove()
	t.Setenv("PRODUCER_PASSWORD", "")
	producer.Fail(t, "connect: the connection was accepted and then closed: .*user and password", "roundtrip", "--brokers", address)
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string, ip net.IP) (der []byte, file string) {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{ip}, IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return der, file
	}
	start := func(ip net.IP) (address, file string) {
		der, file := issue("ca.pem", ip)
		cluster := kafkatest.NewCluster(t, kfake.NumBrokers(1), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}))
		return cluster.ListenAddrs()[0], file
	}
	address, file := start(net.IPv4(127, 0, 0, 1))
	succeed(t, "roundtrip", "--brokers", address, "--count", "10", "--ca-file", file)
	producer.Fail(t, "connect: the connection was accepted and then closed: .*TLS", "roundtrip", "--brokers", address)

	otherAddress, otherFile := start(net.IPv4(10, 0, 0, 1))
	producer.Fail(t, "TLS: the broker's certificate is refused: .*10.0.0.1", "roundtrip", "--brokers", otherAddress, "--ca-file", otherFile)

	producer.Fail(t, "TLS: no TLS session with the broker", "roundtrip", "--brokers", kafkatest.Greeting(t, "HTTP/1.1 400 Bad Request\r\n"), "--ca-file", file)
}
