package cli

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"souk/api"
	"souk/deploy"
	"souk/internal/cli/config"
)

// kubernetesEnrolment is how the agent gets into a zone that is a cluster.
type kubernetesEnrolment struct {
	values   string // file to write
	manifest bool
	chart    string
	image    string
	driver   string // file to read
}

func (k *kubernetesEnrolment) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.values, "values", "", "for a Kubernetes cluster: write the chart's values to this file (mode 0600), and print the command that installs the agent")
	cmd.Flags().BoolVar(&k.manifest, "manifest", false, "for a Kubernetes cluster: print plain manifests, the token among them, for kubectl apply -f -")
	cmd.Flags().StringVar(&k.chart, "chart", "deploy/charts/souk-agent", "the chart souk-agent: its folder or reference (with --values)")
	cmd.Flags().StringVar(&k.image, "image", "", "REPOSITORY:TAG of souk, instead of the one that the control plane names (with --values or --manifest)")
	cmd.Flags().StringVar(&k.driver, "driver-config", "", "a YAML file with what is to differ in the driver's section of the agent's configuration (with --values or --manifest)")
	cmd.MarkFlagsMutuallyExclusive("values", "manifest", "token-file")
	cmd.MarkFlagsMutuallyExclusive("values", "manifest", "ca-file")
}

func (k *kubernetesEnrolment) wanted() bool { return k.values != "" || k.manifest }

// section reads --driver-config.
func (k *kubernetesEnrolment) section() (map[string]any, error) {
	if k.driver == "" {
		return nil, nil
	}
	text, err := os.ReadFile(k.driver)
	if err != nil {
		return nil, err
	}
	var section map[string]any
	if err := yaml.UnmarshalStrict(text, &section); err != nil {
		return nil, fmt.Errorf("%s: %w", k.driver, err)
	}
	return section, nil
}

// handOutCluster writes the chart's values, or the manifests.
func (a *App) handOutCluster(k kubernetesEnrolment, section map[string]any, e api.ZoneEnrolment) error {
	agent := deploy.Agent{Zone: e.Zone, Server: e.Server, CA: e.CA, Token: e.Token, Image: cmp.Or(k.image, e.Image), Driver: section}
	if agent.Image == "" {
		return misuse("the control plane names no image of souk; say where it is by --image REPOSITORY:TAG")
	}
	if k.manifest {
		text, err := agent.Manifest()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(a.Out, text); err != nil {
			return err
		}
	} else {
		text, err := agent.Values()
		if err != nil {
			return err
		}
		if err := config.WriteAtomic(k.values, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the values: %w", err)
		}
		if _, err := fmt.Fprintf(a.Out, "helm upgrade --install souk-agent %s --namespace souk-system --create-namespace --values %s\n", shellWord(k.chart), shellWord(k.values)); err != nil {
			return err
		}
	}
	a.progress("The token is for one agent and valid until %s.", moment(e.ExpiresAt))
	return nil
}
