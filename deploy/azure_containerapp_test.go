package deploy_test

import (
	"strings"
	"testing"
	"time"

	"countersign/config"

	"github.com/goccy/go-yaml"
)

// The program must accept the settings, and a replica must have the time it needs to stop.
func TestContainerApp_SettingsAndTimeToStop(t *testing.T) {
	var app struct {
		Properties struct {
			Template struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Env []struct{ Name, Value string }
				}
			}
		}
	}
	if err := yaml.Unmarshal(readAzure(t, "container-app.yaml"), &app); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	var environ []string
	for _, entry := range app.Properties.Template.Containers[0].Env {
		value := strings.ReplaceAll(entry.Value, "SHA256-OF-THE-KEY", strings.Repeat("0a", 32))
		env[entry.Name] = value
		environ = append(environ, entry.Name+"="+value)
	}
	c, err := config.Load(config.Sources{Getenv: func(name string) string { return env[name] }, Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Profiles) != 1 || len(c.APIKeys) != 1 {
		t.Errorf("there are %d profiles and %d keys, want one of each", len(c.Profiles), len(c.APIKeys))
	}
	grace, drain := time.Duration(app.Properties.Template.Grace)*time.Second, time.Duration(c.DrainSeconds)*time.Second
	if c.ShutdownDelay != 5*time.Second || grace < c.ShutdownDelay+drain+5*time.Second {
		t.Errorf("a replica has %v to stop, want at least shutdown_delay %v + drain_seconds %v + 5s", grace, c.ShutdownDelay, drain)
	}
}
