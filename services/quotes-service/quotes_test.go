package main

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"swarm-platform/services/internal/processtest"
)

func TestMain(m *testing.M) { processtest.Main(m, main) }

func TestQuote(t *testing.T) {
	for _, test := range []struct{ query, language string }{
		{"", ""},
		{"?strength=1", ""},
		{"?strength=4", ""},
		{"?strength=10&language=en", "en"},
		{"?language=sv", "sv"},
		{"?language=zh", "zh"},
		{"?language=de", "de"},
	} {
		recorder := httptest.NewRecorder()
		quoteHandler("host/10.0.9.3").ServeHTTP(recorder, httptest.NewRequest("GET", "/api/quote"+test.query, nil))
		var got map[string]string
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || recorder.Code != 200 {
			t.Fatalf("%s: %d %s", test.query, recorder.Code, recorder.Body)
		}
		known := slices.Contains(quotes, quote{got["quote"], got["language"]})
		if len(got) != 5 || !known || got["ipAddress"] != "host/10.0.9.3" ||
			got["hardwareArchitecture"] != runtime.GOARCH || got["operatingSystem"] != runtime.GOOS ||
			test.language != "" && got["language"] != test.language {
			t.Errorf("%s: %v", test.query, got)
		}
	}
}

func TestBadQueries(t *testing.T) {
	const strengths = `: give a whole number from 1 to 10"}`
	for query, want := range map[string]string{
		"?strength=0":    `{"message":"strength \"0\" is not allowed` + strengths,
		"?strength=11":   `{"message":"strength \"11\" is not allowed` + strengths,
		"?strength=-4":   `{"message":"strength \"-4\" is not allowed` + strengths,
		"?strength=4.5":  `{"message":"strength \"4.5\" is not allowed` + strengths,
		"?strength=":     `{"message":"strength \"\" is not allowed` + strengths,
		"?strength=much": `{"message":"strength \"much\" is not allowed` + strengths,
		"?language=xx":   `{"message":"language \"xx\" is not known: give one of de, en, sv, zh"}`,
		"?language=":     `{"message":"language \"\" is not known: give one of de, en, sv, zh"}`,
		"?strength=%zz":  `{"message":"query \"strength=%zz\" is malformed: invalid URL escape \"%zz\""}`,
	} {
		recorder := httptest.NewRecorder()
		quoteHandler("host/10.0.9.3").ServeHTTP(recorder, httptest.NewRequest("GET", "/api/quote"+query, nil))
		if recorder.Code != 400 || recorder.Body.String() != want {
			t.Errorf("%s: %d %s", query, recorder.Code, recorder.Body)
		}
	}
}

func TestLanguageListIsOfTheQuotes(t *testing.T) {
	var languages []string
	for _, q := range quotes {
		languages = append(languages, q.Language)
	}
	slices.Sort(languages)
	if got := strings.Join(slices.Compact(languages), ", "); got != languageList {
		t.Errorf("the quotes are in %s, the list says %s", got, languageList)
	}
}

func TestProcess(t *testing.T) {
	p := processtest.Start(t, []string{"DRAIN_TIME=0s"})
	if code, stdout, _ := processtest.Run(t, []string{"PORT=" + strconv.Itoa(p.Port)}, "healthcheck"); code != 0 {
		t.Errorf("healthcheck: exit code %d: %s", code, stdout)
	}
	p.Terminate()
	if code := p.Wait(); code != 0 || !strings.HasPrefix(p.Stdout(), "Starting quotes-service\nStarting HTTP service at ") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, p.Stdout(), p.Stderr())
	}
	if host, err := localHost(); err != nil || !regexp.MustCompile(`^[^/]+/\d+\.\d+\.\d+\.\d+$`).MatchString(host) {
		t.Errorf("local host %q, error %v", host, err)
	}
}
