package main

import "time"

// What may be seen of the swarm, in the Engine API's own shape. The proxy decodes the engine's answers into these and encodes
// them again: what has no field here does not leave it. There are none for commands, environment variables, labels, mounts,
// configs, secrets, join tokens and certificates.

type node struct {
	ID   string
	Spec struct {
		Role         string // manager, worker
		Availability string // active, pause, drain
	}
	Description struct {
		Hostname  string
		Resources struct {
			NanoCPUs    int64
			MemoryBytes int64
		}
		Engine struct{ EngineVersion string }
	}
	Status struct {
		State   string // unknown, down, ready, disconnected
		Message string
	}
	ManagerStatus *struct {
		Leader       bool
		Reachability string // unknown, unreachable, reachable
	} `json:",omitempty"`
}

type service struct {
	ID   string
	Spec struct {
		Name         string
		Mode         serviceMode
		TaskTemplate struct{ ContainerSpec containerSpec }
	}
	Endpoint struct {
		Ports []struct {
			Protocol      string
			TargetPort    int
			PublishedPort int
			PublishMode   string // ingress, host
		}
	}
	// As /services?status=true adds it.
	ServiceStatus struct{ RunningTasks, DesiredTasks, CompletedTasks int }
	UpdateStatus  *struct{ State, Message string } `json:",omitempty"`
}

// serviceMode has the one that the service is of.
type serviceMode struct {
	Replicated    *struct{} `json:",omitempty"`
	Global        *struct{} `json:",omitempty"`
	ReplicatedJob *struct{} `json:",omitempty"`
	GlobalJob     *struct{} `json:",omitempty"`
}

func (m serviceMode) String() string {
	switch {
	case m.Global != nil:
		return "global"
	case m.ReplicatedJob != nil:
		return "replicated-job"
	case m.GlobalJob != nil:
		return "global-job"
	}
	return "replicated"
}

type containerSpec struct{ Image string }

type task struct {
	ID           string
	ServiceID    string // empty for a container that is attached to a network of the swarm
	NodeID       string // empty until one was found
	Slot         int    // 0 in global services
	Spec         struct{ ContainerSpec containerSpec }
	DesiredState string
	Status       struct {
		State     string
		Err       string
		Timestamp time.Time
	}
	CreatedAt time.Time
}
