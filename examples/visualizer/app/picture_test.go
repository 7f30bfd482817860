package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// aTask is one of slot 1 of service s1, made and last changed some time ago.
func aTask(id, state string, ago time.Duration) task {
	made := task{ID: id, ServiceID: "s1", NodeID: "n1", Slot: 1, DesiredState: "running", CreatedAt: now.Add(-ago)}
	made.Status.State, made.Status.Timestamp = state, now.Add(-ago)
	return made
}

func aNode(id, name string) node {
	made := node{ID: id}
	made.Description.Hostname = name
	return made
}

func aService(id, name string) service {
	made := service{ID: id}
	made.Spec.Name = name
	return made
}

// drawn is `node: task state, ...` of each node.
func drawn(nodes []node, services []service, tasks ...task) string {
	var lines []string
	for _, node := range pictureOf(nodes, services, tasks, now).Nodes {
		var boxes []string
		for _, task := range node.Tasks {
			boxes = append(boxes, task.Name+" "+task.State)
		}
		lines = append(lines, node.Name+": "+strings.Join(boxes, ", "))
	}
	return strings.Join(lines, "; ")
}

func TestTasksOfOnePlace(t *testing.T) {
	nodes, services := []node{aNode("n1", "one")}, []service{aService("s1", "web")}
	for name, c := range map[string]struct {
		tasks  []task
		wanted string
	}{
		"an update that starts first": {[]task{aTask("b", "starting", 0), aTask("a", "running", time.Hour)}, "one: web.1 starting, web.1 running"},
		"what was replaced is gone":   {[]task{aTask("b", "running", 0), aTask("a", "shutdown", 0)}, "one: web.1 running"},
		"only the last failure":       {[]task{aTask("c", "ready", 0), aTask("b", "failed", time.Second), aTask("a", "failed", time.Minute)}, "one: web.1 ready, web.1 failed"},
		"a failure of just now":       {[]task{aTask("b", "running", time.Minute), aTask("a", "rejected", time.Minute)}, "one: web.1 running, web.1 rejected"},
		"an old failure is over":      {[]task{aTask("b", "running", time.Hour), aTask("a", "failed", time.Hour)}, "one: web.1 running"},
		"an old one that lasts":       {[]task{aTask("b", "pending", time.Hour), aTask("a", "failed", time.Hour)}, "one: web.1 pending, web.1 failed"},
		"a job that has ended":        {[]task{aTask("a", "complete", time.Hour)}, "one: web.1 complete"},
		"a service that was stopped":  {[]task{aTask("a", "shutdown", 0)}, "one: "},
	} {
		if got := drawn(nodes, services, c.tasks...); got != c.wanted {
			t.Errorf("%s: %s, wanted %s", name, got, c.wanted)
		}
	}
}

func TestTasksOfSeveralNodes(t *testing.T) {
	nodes := []node{aNode("n2", "two"), aNode("n1", "one")}
	services := []service{aService("s1", "web"), aService("s2", "agent")}
	waiting := aTask("w", "pending", 0)
	waiting.Slot, waiting.NodeID = 2, ""
	onOne, onTwo, attached := aTask("x", "running", 0), aTask("y", "running", 0), aTask("z", "running", 0)
	onOne.Slot, onOne.ServiceID = 0, "s2"
	onTwo.Slot, onTwo.ServiceID, onTwo.NodeID = 0, "s2", "n2"
	attached.ServiceID = ""
	got := drawn(nodes, services, waiting, onTwo, onOne, aTask("a", "running", 0), attached)
	if wanted := "one: agent running, web.1 running; two: agent running; : web.2 pending"; got != wanted {
		t.Errorf("%s, wanted %s", got, wanted)
	}
}

func TestFailuresAreCounted(t *testing.T) {
	tasks := []task{aTask("b", "failed", time.Second), aTask("a", "failed", time.Minute)}
	tasks[0].Status.Err = "task: non-zero exit (1)"
	shown := pictureOf([]node{aNode("n1", "one")}, []service{aService("s1", "web")}, tasks, now).Nodes[0].Tasks
	if len(shown) != 1 || shown[0].Failures != 2 || shown[0].Error != "task: non-zero exit (1)" {
		t.Errorf("%+v", shown)
	}
}

func TestServiceAndNodeInWords(t *testing.T) {
	var s service
	var n node
	for text, into := range map[string]any{
		`{"ID":"s1","Spec":{"Name":"web","Mode":{"GlobalJob":{}},"TaskTemplate":{"ContainerSpec":{"Image":"web:1@sha256:ab"}}},
			"Endpoint":{"Ports":[{"Protocol":"tcp","TargetPort":80,"PublishedPort":8080},{"Protocol":"udp","TargetPort":53}]},
			"ServiceStatus":{"RunningTasks":1,"DesiredTasks":2,"CompletedTasks":3},"UpdateStatus":{"State":"rollback_paused"}}`: &s,
		`{"ID":"n1","Spec":{"Role":"manager","Availability":"drain"},"Status":{"State":"ready"},
			"Description":{"Hostname":"one","Resources":{"NanoCPUs":1500000000}},"ManagerStatus":{"Leader":true,"Reachability":"unreachable"}}`: &n,
	} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		got    any
		wanted string
	}{
		{viewOfService(s), `{"id":"s1","name":"web","image":"web:1","mode":"global-job","running":1,"wanted":2,"completed":3,"ports":["8080 → 80/tcp","any → 53/udp"],"update":"rollback paused"}`},
		{viewOfNode(n), `{"id":"n1","name":"one","role":"leader","availability":"drain","state":"unreachable","engine":"","cpus":1.5,"memory":0,"tasks":null}`},
	} {
		if text, err := json.Marshal(c.got); err != nil || string(text) != c.wanted {
			t.Errorf("%s %v, wanted %s", text, err, c.wanted)
		}
	}
}
