package cli

import (
	"errors"
	"flag"
	"strings"
	"testing"
	"time"
)

type values struct {
	port  int
	drain time.Duration
	dir   string
}

func newFlagSet() (*flag.FlagSet, *values) {
	v := new(values)
	fs := flag.NewFlagSet("program", flag.ContinueOnError)
	IntVar(fs, &v.port, "port", 6767, 1, 65535, "TCP `port`")
	DurationVar(fs, &v.drain, "drain-time", 3*time.Second, 0, time.Minute, "how long")
	fs.StringVar(&v.dir, "dir", "/tmp", "where")
	return fs, v
}

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want values
	}{
		"defaults":                            {nil, nil, values{6767, 3 * time.Second, "/tmp"}},
		"flags":                               {nil, []string{"-port", "1", "--drain-time=0s"}, values{1, 0, "/tmp"}},
		"environment":                         {map[string]string{"X_DRAIN_TIME": "1m", "X_DIR": "/d"}, nil, values{6767, time.Minute, "/d"}},
		"flag over environment":               {map[string]string{"X_PORT": "2"}, []string{"-port", "3"}, values{3, 3 * time.Second, "/tmp"}},
		"empty is not set":                    {map[string]string{"X_PORT": "", "X_DIR": ""}, nil, values{6767, 3 * time.Second, "/tmp"}},
		"a wrong value that a flag overrules": {map[string]string{"X_PORT": "no"}, []string{"-port", "3"}, values{3, 3 * time.Second, "/tmp"}},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range test.env {
				t.Setenv(k, v)
			}
			fs, got := newFlagSet()
			if err := Parse(fs, "X_", test.args); err != nil || *got != test.want {
				t.Errorf("got %+v, error %v", *got, err)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"not a number": {nil, []string{"-port", "http"},
			`invalid value "http" for flag -port: a whole number from 1 to 65535 is allowed`},
		"above the range": {nil, []string{"-drain-time", "2m"},
			`invalid value "2m" for flag -drain-time: a duration from 0s to 1m0s is allowed`},
		"all of the environment": {map[string]string{"X_PORT": "0", "X_DRAIN_TIME": "3"}, nil,
			`invalid value "3" for environment variable X_DRAIN_TIME: a duration from 0s to 1m0s is allowed` + "\n" +
				`invalid value "0" for environment variable X_PORT: a whole number from 1 to 65535 is allowed`},
		"argument":     {nil, []string{"serve"}, `unexpected argument "serve": only flags are allowed here, see -h`},
		"unknown flag": {nil, []string{"-prot", "1"}, "flag provided but not defined: -prot"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range test.env {
				t.Setenv(k, v)
			}
			fs, _ := newFlagSet()
			if err := Parse(fs, "X_", test.args); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
	fs, _ := newFlagSet()
	if err := Parse(fs, "", []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}

func TestPrintFlags(t *testing.T) {
	fs, _ := newFlagSet()
	var b strings.Builder
	PrintFlags(&b, fs, "X_")
	want := `  -dir string  (env X_DIR, default /tmp)
        where
  -drain-time value  (env X_DRAIN_TIME, default 3s)
        how long
  -port port  (env X_PORT, default 6767)
        TCP port
`
	if b.String() != want {
		t.Errorf("got:\n%s", b.String())
	}
}

func TestCheckTimeZone(t *testing.T) {
	for _, tz := range []string{"", "UTC", "Asia/Shanghai", ":Asia/Shanghai", "/dev/null"} {
		t.Setenv("TZ", tz)
		if err := CheckTimeZone(); err != nil {
			t.Errorf("TZ=%s: %v", tz, err)
		}
	}
	for _, tz := range []string{"CST-8", "Asia/Shangai", "/no/such/zone", "../etc"} {
		t.Setenv("TZ", tz)
		if err := CheckTimeZone(); err == nil || !strings.Contains(err.Error(), "use an IANA name such as Asia/Shanghai") {
			t.Errorf("TZ=%s: %v", tz, err)
		}
	}
}

func TestSay(t *testing.T) {
	var b strings.Builder
	Say(&b, "%d\n%s", 1, "two")
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		at, text, _ := strings.Cut(line, " ")
		if _, err := time.Parse(time.RFC3339, at); err != nil || text != []string{"1", "two"}[i] {
			t.Errorf("line %q", line)
		}
	}
}
