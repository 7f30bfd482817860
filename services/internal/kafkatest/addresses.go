// Package kafkatest has Kafka clusters that aren't real, addresses that don't
// work, and command lines that are run against both, for tests.
package kafkatest

import (
	"io"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// NewCluster starts a cluster in this process, until the end of the test.
func NewCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// Misadvertised is a cluster of three whose first broker to listen, number 2,
// advertises another address.
func Misadvertised(t *testing.T, address func(listeners []net.Listener) string, opts ...kfake.Opt) (cluster *kfake.Cluster, bootstrap string) {
	t.Helper()
	var listeners []net.Listener
	cluster = NewCluster(t, append(opts, kfake.NumBrokers(3), kfake.ListenFn(func(network, at string) (net.Listener, error) {
		listener, err := net.Listen(network, at)
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, listener)
		if len(listeners) == 3 {
			return Advertising{listener, address(listeners)}, nil
		}
		return listener, nil
	}))...)
	return cluster, listeners[0].Addr().String()
}

// Advertising listens at one address and names another as its own.
type Advertising struct {
	net.Listener
	Address string
}

// Addr is the other address.
func (a Advertising) Addr() net.Addr { return named(a.Address) }

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

// Refusing returns an address of this machine where nothing listens.
func Refusing(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	listener.Close()
	return listener.Addr().String()
}

// Silent returns an address that accepts connections and never answers.
func Silent(t *testing.T) string {
	t.Helper()
	return listen(t).Addr().String()
}

// Greeting returns an address that sends a text to every connection and closes
// it.
func Greeting(t *testing.T, text string) string {
	t.Helper()
	listener := listen(t)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, text)
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
