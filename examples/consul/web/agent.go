package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// agent is Consul's HTTP API as far as a service needs it.
type agent struct {
	base   string
	host   string // with its port
	client http.Client
}

func newAgent(base string) (*agent, error) {
	address, err := url.Parse(base)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("CONSUL is %q; allowed: the address of a Consul agent, such as http://consul-1:8500", base)
	}
	return &agent{base: base, host: address.Host, client: http.Client{Timeout: 5 * time.Second}}, nil
}

type instance struct {
	ID      string
	Address string
	Port    int
}

// keepRegistered registers an instance of a service unless the agent has it, at the address that this machine has on the
// agent's network.
func (a *agent) keepRegistered(ctx context.Context, id, name string, port int) error {
	route, err := net.Dial("udp", a.host) // sends nothing
	if err != nil {
		return err
	}
	defer route.Close()
	own := route.LocalAddr().(*net.UDPAddr).IP.String()
	var known struct{ Address string }
	status, err := a.ask(ctx, http.MethodGet, "/v1/agent/service/"+id, nil, &known)
	if status == http.StatusOK && known.Address == own {
		return nil
	}
	if err != nil && status != http.StatusNotFound {
		return err
	}
	_, err = a.ask(ctx, http.MethodPut, "/v1/agent/service/register", map[string]any{
		"ID": id, "Name": name, "Address": own, "Port": port,
		"Check": map[string]any{
			"HTTP": fmt.Sprintf("http://%s:%d/health", own, port), "Interval": "2s", "Timeout": "1s",
			"DeregisterCriticalServiceAfter": "1m",
		},
	}, nil)
	return err
}

func (a *agent) deregister(ctx context.Context, id string) error {
	_, err := a.ask(ctx, http.MethodPut, "/v1/agent/service/deregister/"+id, nil, nil)
	return err
}

// healthy are the instances of a service whose checks pass.
func (a *agent) healthy(ctx context.Context, name string) ([]instance, error) {
	var entries []struct{ Service instance }
	if _, err := a.ask(ctx, http.MethodGet, "/v1/health/service/"+name+"?passing", nil, &entries); err != nil {
		return nil, err
	}
	instances := make([]instance, len(entries))
	for i, entry := range entries {
		instances[i] = entry.Service
	}
	return instances, nil
}

// ask reads the answer into `into`, unless that is nil; any other status than 200 is an error too.
func (a *agent) ask(ctx context.Context, method, path string, body, into any) (status int, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return response.StatusCode, err
	}
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, fmt.Errorf("%s %s: %s: %s", method, request.URL, response.Status, said)
	}
	if into == nil {
		return response.StatusCode, nil
	}
	return response.StatusCode, json.Unmarshal(said, into)
}
