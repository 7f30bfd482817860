package main

import (
	"fmt"
	"slices"
	"testing"
)

func TestSpread(t *testing.T) {
	brokers := []int32{1, 2, 3, 4}
	for name, test := range map[string]struct {
		all    []partition
		wanted int
		want   string
	}{
		"nothing to do": {[]partition{{"t", 0, 1, []int32{1, 2}, nil}}, 2, "[]"},
		// Second places alternate, and the leader stays first.
		"from one broker to three": {[]partition{
			{"t", 0, 1, []int32{1}, nil}, {"t", 1, 1, []int32{1}, nil}, {"t", 2, 1, []int32{1}, nil},
		}, 3, "[t-0 [1 2 3] t-1 [1 4 2] t-2 [1 3 4]]"},
		"to where the fewest are": {[]partition{
			{"a", 0, 2, []int32{2, 3}, nil}, {"a", 1, 2, []int32{2, 4}, nil}, {"t", 0, 3, []int32{3}, nil},
		}, 2, "[t-0 [3 1]]"},
		"from where the most are, but not the leader": {[]partition{
			{"a", 0, 1, []int32{1}, nil}, {"t", 0, 1, []int32{1, 2, 3}, nil}, {"t", 1, 3, []int32{3, 2, 1}, nil},
		}, 1, "[t-0 [1] t-1 [3]]"},
		"from a broker that is gone first": {[]partition{{"t", 0, 1, []int32{9, 1, 2}, nil}}, 2, "[t-0 [1 2]]"},
		"more than there are brokers":      {[]partition{{"t", 0, 1, []int32{1, 2, 3, 4}, nil}}, 5, "[]"},
		"not told":                         {[]partition{{"t", 0, -1, nil, nil}}, 3, "[]"},
	} {
		got := []string{}
		for _, m := range spread(test.all, brokers, func(p partition) int {
			if p.topic == "a" {
				return len(p.replicas)
			}
			return test.wanted
		}) {
			got = append(got, fmt.Sprint(m.partition, " ", m.to))
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
	}
}

// 50 partitions of one broker, as __consumer_offsets has them, on three.
func TestSpreadIsEven(t *testing.T) {
	var all []partition
	for n := range int32(50) {
		all = append(all, partition{"t", n, 1, []int32{1}, nil})
	}
	second := map[int32]int{}
	for _, m := range spread(all, []int32{1, 2, 3}, func(partition) int { return 3 }) {
		second[m.to[1]]++
		if m.to[0] != 1 || len(slices.Compact(slices.Sorted(slices.Values(m.to)))) != 3 {
			t.Errorf("%s gets %v", m, m.to)
		}
	}
	if second[2] != 25 || second[3] != 25 {
		t.Errorf("second places %v", second)
	}
}
