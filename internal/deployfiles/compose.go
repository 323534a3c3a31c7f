package deployfiles

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

var (
	serviceLine = regexp.MustCompile(`(?m)^  ([a-z0-9-]+):$`)
	commandLine = regexp.MustCompile(`(?ms)^    command: (\[.*?\])$`)
	healthLine  = regexp.MustCompile(`(?m)^      test: (\[.*\])$`)
	lastComma   = regexp.MustCompile(`,\s*\]$`)
	variable    = regexp.MustCompile(`\$\{([A-Z_]+)(?::[?-]([^}]*))?\}`)
)

// Service is what compose.yaml says of one of its services.
type Service struct {
	Command []string
	Health  []string
}

// Compose reads the services out of compose.yaml. Lists are written as flow sequences of
// quoted words there, which are JSON.
func Compose() (map[string]Service, error) {
	text, err := read("compose.yaml")
	if err != nil {
		return nil, err
	}
	_, text, _ = strings.Cut(text, "\nservices:\n")
	text, _, _ = strings.Cut(text, "\nvolumes:\n")
	services := make(map[string]Service)
	at := serviceLine.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		var s Service
		for pattern, words := range map[*regexp.Regexp]*[]string{commandLine: &s.Command, healthLine: &s.Health} {
			found := pattern.FindStringSubmatch(text[m[1]:end])
			if found == nil {
				continue
			}
			if err := json.Unmarshal([]byte(lastComma.ReplaceAllString(found[1], "]")), words); err != nil {
				return nil, fmt.Errorf("compose.yaml: %s: %w", found[1], err)
			}
		}
		services[text[m[2]:m[3]]] = s
	}
	return services, nil
}

// ComposeRedis are the arguments that compose.yaml gives to redis-server after its file,
// with these variables in place.
func ComposeRedis(variables map[string]string) ([]string, error) {
	services, err := Compose()
	if err != nil {
		return nil, err
	}
	command := services["redis"].Command
	if len(command) < 3 || command[0] != "redis-server" {
		return nil, fmt.Errorf("compose.yaml: redis is started by %q", command)
	}
	args := command[2:]
	for i, word := range args {
		args[i] = Expand(word, variables)
	}
	return args, nil
}

// Expand puts variables into a text of compose.yaml, or their defaults.
func Expand(text string, variables map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		parts := variable.FindStringSubmatch(found)
		if value, ok := variables[parts[1]]; ok {
			return value
		}
		if strings.Contains(found, ":-") {
			return parts[2]
		}
		return ""
	})
}

// Environment is what compose.yaml sets for every publisher or worker, with these
// variables in place.
func Environment(program string, variables map[string]string) (map[string]string, error) {
	text, err := read("compose.yaml")
	if err != nil {
		return nil, err
	}
	block := regexp.MustCompile(`(?m)^  environment: &` + program + `-env\n((?:    .*\n)+)`).FindStringSubmatch(text)
	if block == nil {
		return nil, fmt.Errorf("compose.yaml: no environment of a %s", program)
	}
	set := make(map[string]string)
	for line := range strings.Lines(block[1]) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		set[name] = Expand(strings.Trim(value, `"`), variables)
	}
	return set, nil
}
