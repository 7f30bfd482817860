package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"swarm-platform/services/internal/kafkatest"
)

var admin = kafkatest.Program(run)

var atTime = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+ `)

// lines returns what was said, without the times.
func lines(output string) []string {
	return strings.Split(strings.TrimSuffix(atTime.ReplaceAllString(output, ""), "\n"), "\n")
}

// fails expects exit code 1 and exactly these last lines on stderr.
func fails(t *testing.T, want []string, args ...string) {
	t.Helper()
	code, stdout, stderr := admin.Invoke(t, args...)
	got := lines(stderr)
	if code != exitFailed || stdout != "" || len(got) < len(want) || !slices.Equal(got[len(got)-len(want):], want) {
		t.Errorf("%v: exit code %d, stdout %q, stderr:\n%s\nwant:\n%s", args, code, stdout, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// does expects exit code 0 and exactly these lines on stdout.
func does(t *testing.T, want []string, args ...string) {
	t.Helper()
	code, stdout, stderr := admin.Invoke(t, args...)
	if got := lines(stdout); code != exitOK || !slices.Equal(got, want) {
		t.Errorf("%v: exit code %d, stderr %q, stdout:\n%s\nwant:\n%s", args, code, stderr, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func usersFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kafka-users")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUsage(t *testing.T) {
	for _, help := range []string{"-h", "--help", "help"} {
		code, stdout, _ := admin.Invoke(t, help)
		for _, want := range []string{"Flags of ready:", "Flags of apply:", "KAFKA_ADMIN_PLAN", "default 2m0s", "default 5m0s", planExample, "TZ"} {
			if code != exitOK || !strings.Contains(stdout, want) {
				t.Errorf("%s: exit code %d, no %q in %q", help, code, want, stdout)
			}
		}
	}
	if _, err := parsePlan(planExample); err != nil {
		t.Error(err)
	}
	secret := usersFile(t, `{"alice": 12345}`)
	for _, test := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"the command is missing: ready or apply"}},
		{[]string{"check"}, []string{`command "check" is not known: ready or apply`}},
		{[]string{"ready", "-plan", "{}"}, []string{"flag provided but not defined: -plan"}},
		{[]string{"apply", "-expect", "3"}, []string{"flag provided but not defined: -expect"}},
		{[]string{"ready"}, []string{`broker "" is not host:port: set -brokers or KAFKA_ADMIN_BROKERS`}},
		{[]string{"ready", "-brokers", "a:1", "-ca-file", "/absent"}, []string{"can't read the CA file: open /absent: no such file or directory: set -ca-file or KAFKA_ADMIN_CA_FILE"}},
		{[]string{"ready", "-brokers", "a:1", "-users-file", "/absent"}, []string{"can't read the users file: open /absent: no such file or directory: set -users-file or KAFKA_ADMIN_USERS_FILE"}},
		{[]string{"ready", "-brokers", "a:1", "-users-file", secret}, []string{
			`users file "` + secret + `" is not a JSON object of names and passwords, both texts: {"alice": "..."}: set -users-file or KAFKA_ADMIN_USERS_FILE`}},
		{[]string{"ready", "-brokers", "a:1", "-user", "ann"}, []string{"there is no user to log in as: set -users-file or KAFKA_ADMIN_USERS_FILE"}},
		{[]string{"ready", "-brokers", "a:1", "-user", "ann", "-users-file", usersFile(t, `{"bob":"x"}`)}, []string{
			`user "ann" is not in the users file, which has ["bob"]: set -users-file or KAFKA_ADMIN_USERS_FILE`}},
		{[]string{"apply", "-brokers", "a", "-plan", `{"replicas": 3}`}, []string{
			`broker "a" is not host:port: set -brokers or KAFKA_ADMIN_BROKERS`,
			`the plan can't be read: unknown field "replicas": its form is in -h: set -plan or KAFKA_ADMIN_PLAN`}},
		{[]string{"apply", "-brokers", "a:1", "-plan", `{} {}`}, []string{"the plan can't be read: there is more after its end: its form is in -h: set -plan or KAFKA_ADMIN_PLAN"}},
		{[]string{"apply", "-brokers", "a:1", "-plan", `{"replication":0,"minInSync":2,"topics":[
			{"name":"a b"},{"name":"__consumer_offsets","partitions":1},{"name":"a","partitions":0,"replicationFactor":-1},{"name":"a","remove":true}]}`}, []string{
			`"replication" 0 is not allowed: 1 to 32767`,
			`"minInSync" 2 is not allowed: 1 to "replication" (0)`,
			`topic "a b" is not allowed: 1 to 249 letters, digits, '.', '_' or '-'`,
			`topic "__consumer_offsets" is Kafka's own: leave it out, "replication" and "minInSync" are for it too`,
			`topic "a": "partitions" 0 is not allowed: 1 to 10000`,
			`topic "a": "replicationFactor" -1 is not allowed: 1 to 32767`,
			`topic "a" is there twice: leave one out: set -plan or KAFKA_ADMIN_PLAN`}},
	} {
		code, stdout, stderr := admin.Invoke(t, test.args...)
		test.want[0] = "wrong usage: " + test.want[0]
		if got := lines(stderr); code != exitUsage || stdout != "" || !slices.Equal(got, append(test.want, "see kafka-admin -h")) {
			t.Errorf("%v: exit code %d, stdout %q, stderr:\n%s", test.args, code, stdout, strings.Join(got, "\n"))
		}
	}
}
