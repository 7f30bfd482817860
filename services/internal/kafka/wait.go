package kafka

import (
	"context"
	"errors"
	"time"
)

// CertainAfter is how long an advertised address must fail, while the bootstrap
// answers, until it is taken for a wrong one and not for a broker that starts
// or stops: a cluster advertises a broker that is gone for 9 s
// (broker.session.timeout.ms), or for 12 s if it was the active controller.
const CertainAfter = 20 * time.Second

// waitPause is between two looks at a cluster that is waited for.
const waitPause = time.Second

// Patience is how long WaitFor waits.
type Patience struct {
	// Wait is for all in all.
	Wait time.Duration
	// Certain is for an advertised address that can't be reached, see
	// CertainAfter, which is the default.
	Certain time.Duration
}

// WaitFor looks at the cluster until it is usable and good enough. What will
// not pass by itself is not waited for. Each new reason to wait is told.
func WaitFor(ctx context.Context, access Access, patience Patience, tell func(reason string), enough func(context.Context, Cluster) error) (Cluster, error) {
	if patience.Certain == 0 {
		patience.Certain = CertainAfter
	}
	giveUp := time.Now().Add(patience.Wait)
	faultySince := map[member]time.Time{}
	for told := ""; ; {
		looked := time.Now()
		found, err := LookAt(ctx, access)
		if err == nil {
			err = enough(ctx, found)
		}
		if err == nil || refused(err) || !time.Now().Before(giveUp) {
			return found, err
		}
		faultySince = stillFaulty(found, faultySince, looked)
		for _, since := range faultySince {
			if time.Since(since) >= patience.Certain {
				return found, err
			}
		}
		if text := err.Error(); text != told {
			tell(text)
			told = text
		}
		select {
		case <-time.After(min(waitPause, time.Until(giveUp))):
		case <-ctx.Done():
			return found, errors.Join(err, context.Cause(ctx))
		}
	}
}

// stillFaulty returns since when each broker can't be reached: if it couldn't
// before, since then.
func stillFaulty(found Cluster, before map[member]time.Time, now time.Time) map[member]time.Time {
	faulty := map[member]time.Time{}
	for _, b := range found.Brokers {
		if b.Fault == nil {
			continue
		}
		m := member{b.ID, b.Address}
		faulty[m] = now
		if since, ok := before[m]; ok {
			faulty[m] = since
		}
	}
	return faulty
}

// refused is whether user, password or certificate are wrong.
func refused(err error) bool {
	class, _ := Explain(err)
	return class == ClassAuth || class == ClassTLS
}
