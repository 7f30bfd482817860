package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// engineAt answers as an engine does, at a unix socket, and notes what it was asked.
func engineAt(t *testing.T, answers map[string]string) (socket string, asked *[]string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	asked = &[]string{}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.String())
		answer, known := answers[r.URL.Path]
		if !known {
			http.Error(w, `{"message":"This node is not a swarm manager."}`, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, answer)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	return socket, asked
}

func request(t *testing.T, handler http.Handler, method, target string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(`{"Image":"x"}`)))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func TestProxyLeavesOutWhatMayBeSecret(t *testing.T) {
	socket, asked := engineAt(t, map[string]string{
		"/services": `[{"ID":"s1","Spec":{"Name":"web","Labels":{"key":"hidden"},"TaskTemplate":{"ContainerSpec":{
			"Image":"web:1","Env":["PASSWORD=hidden"],"Args":["--hidden"],"Secrets":[{"SecretName":"hidden"}]}},
			"Mode":{"Replicated":{"Replicas":2}}},"PreviousSpec":{"Name":"hidden"}}]`,
		"/tasks": `[{"ID":"t1","Spec":{"ContainerSpec":{"Image":"web:1","Env":["PASSWORD=hidden"]}},"Status":{"State":"running",
			"ContainerStatus":{"ContainerID":"hidden"}}}]`,
		"/nodes": `[{"ID":"n1","Spec":{"Labels":{"a":"hidden"}},"Description":{"Hostname":"one","TLSInfo":{"TrustRoot":"hidden"}}}]`,
	})
	proxy := proxyRoutes(socket)
	for path, shown := range map[string]string{"/services": `"web:1"`, "/tasks": `"running"`, "/nodes": `"one"`} {
		code, body := request(t, proxy, "GET", path+"?filters=all&evil=1")
		if code != http.StatusOK || !strings.Contains(body, shown) || strings.Contains(body, "hidden") {
			t.Errorf("GET %s: %d %s", path, code, body)
		}
	}
	for _, request := range *asked {
		if strings.Contains(request, "evil") {
			t.Errorf("the engine was asked %s", request)
		}
	}
}

func TestProxyRefusesAllElse(t *testing.T) {
	socket, asked := engineAt(t, map[string]string{"/services": "[]"})
	proxy := proxyRoutes(socket)
	for _, wanted := range []string{
		"POST /services", "POST /services/create", "DELETE /services/web", "PUT /tasks", "POST /containers/create",
		"GET /services/web", "GET /secrets", "GET /configs", "GET /swarm", "GET /containers/json", "GET /events", "GET /v1.41/services", "GET /",
	} {
		method, path, _ := strings.Cut(wanted, " ")
		if code, body := request(t, proxy, method, path); code != http.StatusForbidden || strings.TrimSpace(body) != refusal {
			t.Errorf("%s: %d %s", wanted, code, body)
		}
	}
	if len(*asked) > 0 {
		t.Errorf("the engine was asked %v", *asked)
	}
}

func TestProxySaysWhatTheEngineSays(t *testing.T) {
	socket, _ := engineAt(t, nil)
	if code, body := request(t, proxyRoutes(socket), "GET", "/nodes"); code != http.StatusBadGateway || !strings.Contains(body, "not a swarm manager") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := request(t, proxyRoutes(socket+".gone"), "GET", "/health"); code != http.StatusServiceUnavailable || !strings.Contains(body, "no such file") {
		t.Errorf("%d %s", code, body)
	}
}

func TestGetSaysWhatCantBeRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	defer server.Close()
	if _, err := get[node](context.Background(), server.Client(), server.URL); err == nil || !strings.Contains(err.Error(), "can't be read") {
		t.Error(err)
	}
}
