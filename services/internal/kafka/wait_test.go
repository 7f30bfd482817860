package kafka_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"swarm-platform/services/internal/kafka"
	"swarm-platform/services/internal/kafkatest"
)

// A wrong advertised address is not waited for to the end, any other lack is.
func TestWaitForEndsWhenAnAddressIsCertainlyWrong(t *testing.T) {
	dead := kafkatest.Refusing(t)
	_, bootstrap := kafkatest.Misadvertised(t, func([]net.Listener) string { return dead })
	look := func(patience kafka.Patience, access kafka.Access, enough func(context.Context, kafka.Cluster) error) (took time.Duration, told []string, err error) {
		start := time.Now()
		_, err = kafka.WaitFor(t.Context(), access, patience, func(reason string) { told = append(told, reason) }, enough)
		return time.Since(start), told, err
	}
	access := kafka.Access{Bootstrap: []string{bootstrap}}
	took, told, err := look(kafka.Patience{Wait: time.Minute, Certain: 2 * time.Second}, access, func(_ context.Context, c kafka.Cluster) error { return c.Faults() })
	if err == nil || len(told) != 1 || told[0] != err.Error() || took < 2*time.Second || took > kafkatest.Patience {
		t.Errorf("took %s, told %q, error %v", took, told, err)
	}

	access.Bootstrap = []string{dead}
	took, _, err = look(kafka.Patience{Wait: 2500 * time.Millisecond, Certain: time.Second}, access, nil)
	if err == nil || took < 2500*time.Millisecond {
		t.Errorf("took %s for a bootstrap that doesn't answer, error %v", took, err)
	}

	_, whole := kafkatest.Misadvertised(t, func(l []net.Listener) string { return l[2].Addr().String() })
	access.Bootstrap = []string{whole}
	took, _, err = look(kafka.Patience{Wait: 2500 * time.Millisecond, Certain: time.Second}, access, func(context.Context, kafka.Cluster) error { return errors.New("too few") })
	if err == nil || err.Error() != "too few" || took < 2500*time.Millisecond {
		t.Errorf("took %s for a cluster that is not enough, error %v", took, err)
	}
}
