package cli

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"souk/api"
	"souk/internal/cli/config"
)

func newZone(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "zone", Short: "Make zones, offer services there, join agents (operator)"}
	cmd.AddCommand(newZoneCreate(a), newZoneUpdate(a), newZoneOffer(a), newZoneEnrol(a), newZoneRevoke(a))
	return cmd
}

func newZoneEnrol(a *App) *cobra.Command {
	var tokenFile, caFile string
	var cluster kubernetesEnrolment
	cmd := &cobra.Command{
		Use:   "enrol NAME",
		Short: "Hand out the one-time token by which an agent joins a zone",
		Long: "Hand out the one-time token by which an agent joins a zone: on standard output,\n" +
			"or in --token-file. The agent's configuration is shown beside it. An agent that\n" +
			"runs the zone now is superseded when the new one joins.\n\n" +
			"For a zone that is a Kubernetes cluster, --values and --manifest make of it all\n" +
			"that the agent is installed by.",
		Example: "  souk zone enrol geneva --token-file enrol-token --ca-file souk-ca.pem > agent.yaml\n" +
			"  souk zone enrol zurich --manifest | kubectl apply -f -",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeZones),
	}
	tokenFileFlag(cmd, &tokenFile)
	cmd.Flags().StringVar(&caFile, "ca-file", "", "write the control plane's certificate authority to this file")
	cluster.flags(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		section, err := cluster.section()
		if err != nil {
			return err
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		e, err := c.Operator().EnrolZone(ctx, args[0])
		if err != nil {
			return err
		}
		if e.Token == "" {
			return fmt.Errorf("the token was lost on the way here; ask for another: souk zone enrol %s", args[0])
		}
		if cluster.wanted() {
			return a.handOutCluster(cluster, section, e)
		}
		return a.handOutEnrolment(e, tokenFile, caFile)
	})
	return cmd
}

func (a *App) handOutEnrolment(e api.ZoneEnrolment, tokenFile, caFile string) error {
	if caFile != "" {
		if err := config.WriteAtomic(caFile, []byte(e.CA), 0o644); err != nil {
			return fmt.Errorf("write the certificate authority: %w", err)
		}
	} else {
		a.progress("Save this as souk-ca.pem on the zone's machine:\n%s", e.CA)
	}
	snippet, err := agentConfig(e, tokenFile, caFile)
	if err != nil {
		return err
	}
	if err := a.handOut(e.Token, tokenFile); err != nil {
		return err
	}
	if tokenFile != "" { // standard output is free for the configuration
		_, err := fmt.Fprint(a.Out, snippet)
		return err
	}
	a.progress("Configuration of the agent (souk agent --config FILE):\n%s", snippet)
	a.progress("The token is for one agent and valid until %s.", moment(e.ExpiresAt))
	return nil
}

// agentConfig is what an agent of the zone is started with.
func agentConfig(e api.ZoneEnrolment, tokenFile, caFile string) (string, error) {
	text, err := yaml.Marshal(struct {
		Server         string `json:"server"`
		DataDir        string `json:"dataDir"`
		ServerCAFile   string `json:"serverCAFile"`
		EnrolTokenFile string `json:"enrolTokenFile"`
	}{e.Server, "/var/lib/souk/" + filepath.Base(e.Zone), cmp.Or(caFile, "souk-ca.pem"), cmp.Or(tokenFile, "enrol-token")})
	return string(text), err
}
