package main

import (
	"cmp"
	"slices"
)

// move is a partition that gets other replicas.
type move struct {
	partition
	to []int32
}

// spread returns the moves that give each partition as many replicas as want
// says.
//
// What is there stays, in its order: the first replica is the one that Kafka
// prefers as leader. New replicas go where the fewest are, and each broker comes
// second, third ... as often as the others, so that the leaders of a broker that
// fails are spread too. What is too much is taken from where the most are, but
// not from the leader.
func spread(all []partition, brokers []int32, want func(partition) int) []move {
	type place struct {
		broker   int32
		position int
	}
	load, at := map[int32]int{}, map[place]int{}
	count := func(replicas []int32, by int) {
		for position, broker := range replicas {
			load[broker] += by
			at[place{broker, position}] += by
		}
	}
	for _, p := range all {
		count(p.replicas, 1)
	}
	var moves []move
	for _, p := range all {
		wanted := want(p)
		if wanted == len(p.replicas) || len(p.replicas) == 0 { // a broker that can't tell them
			continue
		}
		replicas := slices.Clone(p.replicas)
		for len(replicas) < wanted {
			free := slices.DeleteFunc(slices.Clone(brokers), func(b int32) bool { return slices.Contains(replicas, b) })
			if len(free) == 0 {
				break
			}
			position := len(replicas)
			replicas = append(replicas, slices.MinFunc(free, func(a, b int32) int {
				return cmp.Or(load[a]-load[b], at[place{a, position}]-at[place{b, position}], int(a-b))
			}))
		}
		for len(replicas) > wanted {
			drop := slices.MaxFunc(replicas, func(a, b int32) int {
				return cmp.Or(
					-compareBool(a == p.leader, b == p.leader),
					-compareBool(slices.Contains(brokers, a), slices.Contains(brokers, b)),
					load[a]-load[b],
					slices.Index(replicas, a)-slices.Index(replicas, b))
			})
			replicas = slices.DeleteFunc(replicas, func(b int32) bool { return b == drop })
		}
		if slices.Equal(replicas, p.replicas) {
			continue
		}
		count(p.replicas, -1)
		count(replicas, 1)
		moves = append(moves, move{p, replicas})
	}
	return moves
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
