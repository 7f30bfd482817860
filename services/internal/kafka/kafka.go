// Package kafka is what the Kafka clients of this module have in common:
// addresses and topics that are checked, faults in plain words, and a watch on
// what a client retries without a word.
package kafka

import (
	"fmt"
	"net"
	"regexp"
	"strings"
)

var validTopic = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// CheckTopic refuses what Kafka would not take as a topic's name.
func CheckTopic(topic string) error {
	if !validTopic.MatchString(topic) {
		return fmt.Errorf("topic %q is not allowed: 1 to 249 letters, digits, '.', '_' or '-'", topic)
	}
	return nil
}

// Addresses splits a list of host:port, separated by commas. Each fault is an
// error of its own.
func Addresses(list string) (addresses []string, faults []error) {
	for address := range strings.SplitSeq(list, ",") {
		address = strings.TrimSpace(address)
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			faults = append(faults, fmt.Errorf("broker %q is not host:port", address))
		}
		addresses = append(addresses, address)
	}
	return addresses, faults
}
