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
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCheck(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(3))
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	for _, args := range [][]string{{}, {"--expect", "3"}} {
		code, stdout, stderr := invoke(t, append([]string{"check", "--brokers", brokers}, args...)...)
		if code != exitOK || stderr != "" || !strings.Contains(stdout, "all 3 brokers answer at the address that they advertise") {
			t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		for _, address := range cluster.ListenAddrs() {
			if !strings.Contains(stdout, address+"  answers") {
				t.Errorf("%s is not in the table: %s", address, stdout)
			}
		}
	}
	fail(t, `has 3 brokers, 4 are expected: .*controller(.|\n)*ADVERTISED`, "check", "--brokers", brokers, "--expect", "4")
	fail(t, "can't reach broker .*connection refused", "check", "--brokers", refusing(t))
}

func TestCheckWaits(t *testing.T) {
	address := refusing(t)
	checking := begin(t, "check", "--brokers", address, "--wait", "1m", "--expect", "1")
	checking.expect("waiting: can't reach broker " + address + ": connect: connection refused")
	newCluster(t, kfake.NumBrokers(1), kfake.ListenFn(func(network, _ string) (net.Listener, error) { return net.Listen(network, address) }))
	checking.succeed()
}

// misadvertised is a cluster of three whose first broker to listen advertises
// another address.
func misadvertised(t *testing.T, address func(listeners []net.Listener) string) (bootstrap string) {
	var listeners []net.Listener
	cluster := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, "t"), kfake.ListenFn(func(network, at string) (net.Listener, error) {
		listener, err := net.Listen(network, at)
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, listener)
		if len(listeners) == 3 {
			return advertising{listener, address(listeners)}, nil
		}
		return listener, nil
	}))
	if err := cluster.MoveTopicPartition("t", 0, 0); err != nil {
		t.Fatal(err)
	}
	return listeners[0].Addr().String()
}

// A cluster without one of its brokers is fit for use, but not for a gate.
func TestOneOfThreeBrokersIsMissing(t *testing.T) {
	dead := refusing(t)
	bootstrap := misadvertised(t, func([]net.Listener) string { return dead })
	fault := "broker 2 advertises " + dead + ", which can't be reached from here: connect: connection refused.*KAFKA_ADVERTISED_LISTENERS"
	fail(t, fault+`(.|\n)*2 +`+dead+" +connect", "check", "--brokers", bootstrap)
	for _, command := range []string{"produce", "consume"} {
		working := begin(t, command, "--brokers", bootstrap, "--topic", "t", "--count", "10")
		working.expect("warning: bootstrap at .* " + fault)
		working.expect("warning: going on with 2 of 3 brokers")
		working.succeed()
	}
}

// All behind one address, as they would be behind a load balancer.
func TestAnotherBrokerAnswers(t *testing.T) {
	bootstrap := misadvertised(t, func(l []net.Listener) string { return l[0].Addr().String() })
	fail(t, "broker 2 advertises "+bootstrap+", where another broker answers; give each broker an advertised listener", "check", "--brokers", bootstrap)
}

func TestLogin(t *testing.T) {
	cluster := newCluster(t, kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "ann", "right"))
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
	fail(t, "can't reach broker .*: auth: user or password are refused", append(login, "--wait", "1m")...)
	if took := time.Since(start); took > patience {
		t.Errorf("waited %s for a wrong password", took)
	}
	denied.Remove()
	t.Setenv("PRODUCER_PASSWORD", "")
	fail(t, "connect: the connection was accepted and then closed: .*user and password", "check", "--brokers", address)
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
		cluster := newCluster(t, kfake.NumBrokers(1), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}))
		return cluster.ListenAddrs()[0], file
	}
	address, file := start(net.IPv4(127, 0, 0, 1))
	succeed(t, "roundtrip", "--brokers", address, "--count", "10", "--ca-file", file)
	fail(t, "connect: the connection was accepted and then closed: .*TLS", "check", "--brokers", address)

	otherAddress, otherFile := start(net.IPv4(10, 0, 0, 1))
	fail(t, "TLS: the broker's certificate is refused: .*10.0.0.1", "check", "--brokers", otherAddress, "--ca-file", otherFile)

	fail(t, "TLS: no TLS session with the broker", "check", "--brokers", greeting(t, "HTTP/1.1 400 Bad Request\r\n"), "--ca-file", file)
}
