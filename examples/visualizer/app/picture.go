package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A failure is shown until its successor runs, and at least this long.
const failureShown = 10 * time.Minute

// picture is what the browser draws.
type picture struct {
	Services []serviceView `json:"services"`
	Nodes    []nodeView    `json:"nodes"`
}

type serviceView struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Image     string   `json:"image"`
	Mode      string   `json:"mode"`
	Running   int      `json:"running"`
	Wanted    int      `json:"wanted"`
	Completed int      `json:"completed"` // by a job
	Ports     []string `json:"ports"`     // such as "8002 → 8080/tcp"
	Update    string   `json:"update"`    // empty unless one goes on or did not succeed
}

// nodeView with an empty name is for tasks that have no node.
type nodeView struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Role         string     `json:"role"` // worker, manager, leader
	Availability string     `json:"availability"`
	State        string     `json:"state"`
	Engine       string     `json:"engine"`
	CPUs         float64    `json:"cpus"`
	Memory       int64      `json:"memory"` // in bytes
	Tasks        []taskView `json:"tasks"`
}

type taskView struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"` // its id
	Name     string    `json:"name"`
	Image    string    `json:"image"`
	State    string    `json:"state"`
	Desired  string    `json:"desired"`
	Error    string    `json:"error"`
	Failures int       `json:"failures"` // that the swarm remembers at this task's place, this one included
	Since    time.Time `json:"since"`
}

func pictureOf(nodes []node, services []service, tasks []task, now time.Time) picture {
	names := map[string]string{}
	drawn := picture{Services: []serviceView{}, Nodes: []nodeView{}}
	for _, service := range services {
		names[service.ID] = service.Spec.Name
		drawn.Services = append(drawn.Services, viewOfService(service))
	}
	slices.SortFunc(drawn.Services, func(a, b serviceView) int { return cmp.Compare(a.Name, b.Name) })

	onNode := map[string][]taskView{}
	for _, node := range nodes {
		drawn.Nodes = append(drawn.Nodes, viewOfNode(node))
		onNode[node.ID] = []taskView{}
	}
	slices.SortFunc(drawn.Nodes, func(a, b nodeView) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	for _, place := range places(tasks, names) {
		for _, shown := range shownOf(place, now) {
			name, known := names[shown.ServiceID]
			if !known {
				continue // a network's attachment, or of a service that has just gone
			}
			node := shown.NodeID
			if _, known := onNode[node]; !known {
				node = ""
			}
			onNode[node] = append(onNode[node], viewOfTask(shown, name, place))
		}
	}
	if len(onNode[""]) > 0 {
		drawn.Nodes = append(drawn.Nodes, nodeView{})
	}
	for i := range drawn.Nodes {
		drawn.Nodes[i].Tasks = onNode[drawn.Nodes[i].ID]
	}
	return drawn
}

// places are the tasks by what they are of: the slot of a service, or its place on a node if it is global. Each newest first,
// all by the services' names and their slots.
func places(tasks []task, names map[string]string) [][]task {
	type place struct {
		service string
		slot    int
		node    string
	}
	by := map[place][]task{}
	for _, task := range tasks {
		of := place{service: task.ServiceID, slot: task.Slot}
		if task.Slot == 0 {
			of.node = task.NodeID
		}
		by[of] = append(by[of], task)
	}
	all := make([][]task, 0, len(by))
	for _, tasks := range by {
		slices.SortFunc(tasks, func(a, b task) int { return b.CreatedAt.Compare(a.CreatedAt) })
		all = append(all, tasks)
	}
	slices.SortFunc(all, func(a, b []task) int {
		return cmp.Or(
			cmp.Compare(names[a[0].ServiceID], names[b[0].ServiceID]),
			cmp.Compare(a[0].Slot, b[0].Slot),
			cmp.Compare(a[0].NodeID, b[0].NodeID),
		)
	})
	return all
}

// shownOf are the tasks that live, the last failure while it matters, and what has ended by itself if nothing came after it.
func shownOf(place []task, now time.Time) []task {
	var shown []task
	runs := false
	for _, task := range place {
		switch state := task.Status.State; {
		case !hasEnded(state):
			shown = append(shown, task)
			runs = runs || state == "running"
		case hasFailed(state):
			if !runs || now.Sub(task.Status.Timestamp) < failureShown {
				shown = append(shown, task)
			}
			return shown
		case state == "complete" && len(shown) == 0:
			return append(shown, task)
		}
	}
	return shown
}

func hasEnded(state string) bool {
	return slices.Contains([]string{"complete", "shutdown", "remove", "orphaned"}, state) || hasFailed(state)
}

func hasFailed(state string) bool { return state == "failed" || state == "rejected" }

func viewOfService(s service) serviceView {
	view := serviceView{
		ID: s.ID, Name: s.Spec.Name, Image: shortImage(s.Spec.TaskTemplate.ContainerSpec.Image), Mode: s.Spec.Mode.String(),
		Running: s.ServiceStatus.RunningTasks, Wanted: s.ServiceStatus.DesiredTasks, Completed: s.ServiceStatus.CompletedTasks,
		Ports: []string{},
	}
	for _, port := range s.Endpoint.Ports {
		published := fmt.Sprint(port.PublishedPort)
		if port.PublishedPort == 0 {
			published = "any" // of each node's own choice, in host mode
		}
		view.Ports = append(view.Ports, fmt.Sprintf("%s → %d/%s", published, port.TargetPort, port.Protocol))
	}
	if s.UpdateStatus != nil && s.UpdateStatus.State != "completed" {
		view.Update = strings.ReplaceAll(s.UpdateStatus.State, "_", " ")
	}
	return view
}

func viewOfNode(n node) nodeView {
	role := n.Spec.Role
	if n.ManagerStatus != nil && n.ManagerStatus.Leader {
		role = "leader"
	}
	state := n.Status.State
	if n.ManagerStatus != nil && n.ManagerStatus.Reachability == "unreachable" {
		state = "unreachable"
	}
	return nodeView{
		ID: n.ID, Name: n.Description.Hostname, Role: role, Availability: n.Spec.Availability, State: state,
		Engine: n.Description.Engine.EngineVersion, Memory: n.Description.Resources.MemoryBytes,
		CPUs: float64(n.Description.Resources.NanoCPUs) / 1e9,
	}
}

func viewOfTask(t task, service string, place []task) taskView {
	view := taskView{
		ID: t.ID, Service: t.ServiceID, Name: service, Image: shortImage(t.Spec.ContainerSpec.Image),
		State: t.Status.State, Desired: t.DesiredState, Error: t.Status.Err, Since: t.Status.Timestamp,
	}
	if t.Slot != 0 {
		view.Name = fmt.Sprintf("%s.%d", service, t.Slot)
	}
	if hasFailed(t.Status.State) {
		for _, other := range place {
			if hasFailed(other.Status.State) {
				view.Failures++
			}
		}
	}
	return view
}

// shortImage is without the digest that a client has added.
func shortImage(image string) string {
	name, _, _ := strings.Cut(image, "@")
	return name
}
