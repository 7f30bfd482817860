package kafka

import (
	"context"
	"errors"
	"maps"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Watch notes what goes wrong between a client and its brokers, for a client
// retries that without a word. It is safe for several goroutines.
type Watch struct {
	mu     sync.Mutex
	faults map[string]Faults
	last   string
	at     time.Time // of last
}

// Faults are those of one class.
type Faults struct {
	Count int
	Last  string // the latest one in plain words, see InPlainWords
}

// Options make a client report to w.
func (w *Watch) Options() []kgo.Opt { return []kgo.Opt{kgo.WithHooks(w), kgo.WithLogger(w)} }

// Faults returns the faults so far, by class.
func (w *Watch) Faults() map[string]Faults {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.faults)
}

// Last returns the latest fault in plain words, empty if there was none since
// then.
func (w *Watch) Last(since time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at.Before(since) {
		return ""
	}
	return w.last
}

// Note adds a fault. The end of the client itself is none, nor is what only
// follows from a fault: the client's own words for a request that will be
// repeated since its connection is gone.
func (w *Watch) Note(err error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	class, _ := Explain(err)
	if class == ClassOther && kgo.IsRetryableBrokerErr(err) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.faults == nil {
		w.faults = map[string]Faults{}
	}
	w.last, w.at = InPlainWords(err), time.Now()
	w.faults[class] = Faults{w.faults[class].Count + 1, w.last}
}

// OnBrokerConnect is a hook of the client.
func (w *Watch) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	w.Note(err)
}

// OnBrokerE2E is a hook of the client.
func (w *Watch) OnBrokerE2E(_ kgo.BrokerMetadata, _ int16, e2e kgo.BrokerE2E) { w.Note(e2e.Err()) }

// Level is for the client's logger: what a broker answered to a write that is
// retried is in no hook, only in the debug log.
func (w *Watch) Level() kgo.LogLevel { return kgo.LogLevelDebug }

// retried finds in the client's log of one answer the errors that it retries;
// "move" is the answer that another broker leads the partition now.
var retried = regexp.MustCompile(`(?:retrying|resetting)@[^(]*\(([A-Z_]+): |\{(move):`)

// Log is for the client's logger.
func (w *Watch) Log(_ kgo.LogLevel, message string, keysAndValues ...any) {
	for i := 1; i < len(keysAndValues); i += 2 {
		switch value := keysAndValues[i].(type) {
		case string:
			if message != "produced" {
				continue
			}
			for _, found := range retried.FindAllStringSubmatch(value, -1) {
				w.Note(answers[found[1]+found[2]])
			}
		case error: // those of the network come through the hooks
			if answer, ok := errors.AsType[*kerr.Error](value); ok {
				w.Note(answer)
			}
		}
	}
}

// answers are the errors that a broker can answer, by name.
var answers = func() map[string]error {
	byName := map[string]error{"move": kerr.NotLeaderForPartition}
	for code := range int16(200) {
		if answer := kerr.TypedErrorForCode(code); answer != nil {
			byName[answer.Message] = answer
		}
	}
	return byName
}()
