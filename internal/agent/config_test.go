package agent_test

import (
	"testing"
	"time"

	"souk/internal/agent"
)

func TestConfiguration(t *testing.T) {
	config, err := agent.ParseConfig([]byte(`
server: https://souk.example:8443
dataDir: /var/lib/souk-agent
serverCAFile: /etc/souk/ca.pem
enrolTokenFile: "-"
concurrency: 4
driver: {kind: process, ports: [5000, 6000]}
timeouts: {resync: 5m, silence: 20s}
`))
	if err != nil {
		t.Fatal(err)
	}
	if config.Concurrency != 4 || time.Duration(config.Timeouts.Resync) != 5*time.Minute || string(config.Driver) != `{"kind":"process","ports":[5000,6000]}` {
		t.Errorf("read %+v", config)
	}
}

func TestABadConfigurationIsExplained(t *testing.T) {
	for text, word := range map[string]string{
		"dataDir: /x":       "no server",
		"server: https://x": "no dataDir",
		"server: https://x\ndataDir: /x\nservr: y":               "servr",
		"server: https://x\ndataDir: /x\nconcurrency: -1":        "negative",
		"server: https://x\ndataDir: /x\ntimeouts: {ping: 5}":    "read the agent's configuration",
		"server: https://x\ndataDir: /x\ntimeouts: {ping: soon}": `"soon" is not a time`,
		"server: [": "read the agent's configuration",
	} {
		_, err := agent.ParseConfig([]byte(text))
		mustSay(t, err, word)
	}
}
