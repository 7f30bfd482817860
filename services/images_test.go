// Package services tests what the images of this folder have in common.
package services

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "swarm-platform/services/"

// An image's context is exactly what its program is compiled from: less
// breaks the build, more rebuilds the image for a change that isn't its own.
func TestImageContexts(t *testing.T) {
	images, err := filepath.Glob("*/Dockerfile")
	if err != nil || len(images) != 4 {
		t.Fatalf("images %v, error %v", images, err)
	}
	for _, image := range images {
		program := filepath.Dir(image)
		dependencies, err := exec.Command("go", "list", "-deps", "./"+program).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"!go.mod", "!go.sum"}
		for dependency := range strings.FieldsSeq(string(dependencies)) {
			if folder, ours := strings.CutPrefix(dependency, module); ours {
				want = append(want, "!"+folder+"/**")
			}
		}
		content, err := os.ReadFile(image + ".dockerignore")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(content)) {
			if strings.HasPrefix(line, "!") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s.dockerignore lets %v through, the program needs %v", image, got, want)
		}
	}
}

// BuildKit takes a file for one that it knows if size and time of change are
// equal, which the times can be in a fresh checkout.
func TestImageFilesDifferInSize(t *testing.T) {
	for _, pattern := range []string{"*/Dockerfile", "*/Dockerfile.dockerignore"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 2 {
			t.Fatalf("%s: files %v, error %v", pattern, files, err)
		}
		bySize := map[int64]string{}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if other, taken := bySize[info.Size()]; taken {
				t.Errorf("%s and %s have the same size, %d bytes: change a comment in one", file, other, info.Size())
			}
			bySize[info.Size()] = file
		}
	}
}
