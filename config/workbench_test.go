package config_test

import (
	"testing"

	"countersign/config"
)

// The page is enabled by default for people who try the service on their own machine, elsewhere only by the setting.
func TestLoad_WorkbenchDefaultsToOnForLocalTrials(t *testing.T) {
	for name, test := range map[string]struct {
		environment map[string]string
		want        bool
	}{
		"with keys": {
			map[string]string{"COUNTERSIGN_API_KEY_SHA256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, false,
		},
		"without, loopback":   {map[string]string{"COUNTERSIGN_AUTH": "none"}, true},
		"without, everywhere": {map[string]string{"COUNTERSIGN_AUTH": "none", "COUNTERSIGN_ADDRESS": "0.0.0.0"}, false},
		"without, by name":    {map[string]string{"COUNTERSIGN_AUTH": "none", "COUNTERSIGN_ADDRESS": "localhost"}, true},
		"behind Functions":    {map[string]string{"COUNTERSIGN_AUTH": "none", "FUNCTIONS_CUSTOMHANDLER_PORT": "7071"}, false},
		"switched off":        {map[string]string{"COUNTERSIGN_AUTH": "none", "COUNTERSIGN_WORKBENCH": "false"}, false},
		"switched on":         {map[string]string{"COUNTERSIGN_WORKBENCH": "true", "COUNTERSIGN_ADDRESS": "0.0.0.0"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := config.Load(config.Sources{NoProfiles: true, Getenv: func(name string) string { return test.environment[name] }})
			if c.Workbench != test.want {
				t.Errorf("the workbench is %v, want %v", c.Workbench, test.want)
			}
		})
	}
}
