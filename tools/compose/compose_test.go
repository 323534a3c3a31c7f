// Package compose checks deploy/compose.yaml as YAML: that it parses, and that what
// it refers to is there. It lives in this module because nothing else needs a YAML
// parser.
package compose

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const folder = "../../deploy/"

type file struct {
	Services map[string]struct {
		Image     string
		Command   []string
		Volumes   []string
		Ports     []string
		DependsOn map[string]struct{ Condition string } `yaml:"depends_on"`
		// Healthcheck is what service_healthy waits for.
		Healthcheck *struct{ Test []string }
	}
	Volumes map[string]any
}

func TestCompose(t *testing.T) {
	data, err := os.ReadFile(folder + "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose file
	if err := yaml.Unmarshal(data, &compose); err != nil {
		t.Fatal(err)
	}
	if len(compose.Services) != 8 {
		t.Errorf("%d services, want init, two publishers, three workers, nats and redis", len(compose.Services))
	}
	for name, s := range compose.Services {
		if s.Image == "" || len(s.Command) == 0 {
			t.Errorf("%s: image %q, command %q", name, s.Image, s.Command)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to the network", name, port)
			}
		}
		for other, on := range s.DependsOn {
			dependency, ok := compose.Services[other]
			if !ok || on.Condition == "service_healthy" && dependency.Healthcheck == nil {
				t.Errorf("%s depends on %s: there %v, health check %v", name, other, ok, dependency.Healthcheck)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(source, "./") {
				if _, err := os.Stat(folder + source); err != nil {
					t.Errorf("%s mounts %s: %v", name, source, err)
				}
			} else if _, ok := compose.Volumes[source]; !ok {
				t.Errorf("%s mounts the volume %s, which is not declared", name, source)
			}
		}
	}
}
